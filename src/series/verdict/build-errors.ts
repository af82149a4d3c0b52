// SPDX-License-Identifier: Apache-2.0
// Finds in what make and patch(1) said where a series goes wrong.
import { printable } from '../../util/text/escape.js';

const ERROR = /^((?:\.\/)?[\w./+-]+\.[chSl]):(\d+)(?::\d+)?: (?:fatal )?error: /;
const LINKER = /^(?:ld|\S*\bld): |undefined reference|multiple definition/;
const STOPPED = /^make(?:\[\d+\])?: \*\*\* \[[^\]]*?([\w./+-]+)\.o\] Error/;
const MAX_LINES = 12;
const MAX_WIDTH = 400;

/** The files in which the compiler found errors, and its own lines. */
export function compilerErrors(output: string): { files: string[]; lines: string[] } {
  const lines = output.split('\n');
  const errors = lines.filter((line) => ERROR.test(line) || LINKER.test(line));
  const stopped = lines.filter((line) => STOPPED.test(line));
  const shown =
    errors.length > 0 ? errors : stopped.length > 0 ? stopped : lines.filter((line) => line !== '').slice(-6);
  const files = [
    ...errors.flatMap((line) => ERROR.exec(line)?.[1]?.replace(/^\.\//, '') ?? []),
    ...stopped.flatMap((line) => (STOPPED.exec(line)?.[1] === undefined ? [] : [`${STOPPED.exec(line)?.[1]}.c`])),
  ];
  return {
    files: [...new Set(files)].slice(0, MAX_LINES),
    lines: [...new Set(shown)].slice(0, MAX_LINES).map((line) => printable(line, MAX_WIDTH)),
  };
}

/** Which file and hunk patch(1) could not apply; null for what it does not say. */
export function patchFailure(output: string): { file: string | null; hunk: number | null; why: string } {
  let file: string | null = null;
  for (const line of output.split('\n')) {
    file = /^(?:patching|checking) file '?([^']+?)'?(?: \(.*\))?$/.exec(line)?.[1] ?? file;
    const hunk = /^Hunk #(\d+) (?:FAILED|ignored)/.exec(line)?.[1];
    if (hunk !== undefined) return { file, hunk: Number(hunk), why: 'the lines around it are others in the base' };
    if (line.startsWith('Reversed (or previously applied) patch detected'))
      return { file, hunk: null, why: 'the base seems to have it already' };
    if (line.startsWith("can't find file to patch"))
      return { file: null, hunk: null, why: 'the base has no such file' };
    if (line.includes('already exists')) return { file, hunk: null, why: 'the base has that file already' };
  }
  return { file, hunk: null, why: printable(output.trim().split('\n').at(-1) ?? '', 200) };
}
