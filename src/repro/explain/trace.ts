// SPDX-License-Identifier: Apache-2.0
// The stack trace of a report on the console, and the file and line of each call.
import { readFileSync } from 'node:fs';
import type { Frame } from '../../model/result/explanation.js';
import { readSymbols } from '../../images/abi/handover-format.js';
import { mustRun } from '../../util/process/command.js';

const MOST_FRAMES = 64;
const FRAME = /^(?:\[[ \d.]+\])?\s*(RIP: \w+:)?\s*(\? )?([A-Za-z_][\w.]*)\+0x([0-9a-f]{1,8})\/0x[0-9a-f]{1,8}/;

interface Place {
  /** It stands at this instruction; other frames are where a call comes back to. */
  exact: boolean;
}

/** Frames in the order of the report, innermost first. @param text what the console said */
export function framesOf(text: string): (Frame & Place)[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const [, rip, unsure, name = '', offset = '0'] = FRAME.exec(line) ?? [];
      return name === ''
        ? []
        : [
            {
              function: name,
              offset: parseInt(offset, 16),
              unsure: unsure !== undefined,
              lines: [],
              exact: rip !== undefined,
            },
          ];
    })
    .slice(0, MOST_FRAMES);
}

/**
 * @param vmlinux with file and line, whose functions lie where the kernel has them
 * @param systemMap of that kernel
 */
export async function withLines(
  frames: readonly (Frame & Place)[],
  vmlinux: string,
  systemMap: string,
  signal: AbortSignal,
): Promise<Frame[]> {
  const symbols = readSymbols(readFileSync(systemMap, 'latin1'));
  const addresses = frames.map(({ function: name, offset, exact }) => {
    const start = symbols.get(name);
    // A call comes back to the instruction behind it, which may be another line's.
    return start === undefined ? null : start + BigInt(exact || offset === 0 ? offset : offset - 1);
  });
  const known = addresses.filter((address) => address !== null).map((address) => `0x${address.toString(16)}`);
  if (known.length === 0) return [...frames];
  const { stdout } = await mustRun(
    ['addr2line', '-a', '-i', '-e', vmlinux, ...known],
    'the lines of the stack trace cannot be read',
    { signal },
  );
  const found = linesByAddress(stdout);
  return frames.map((frame, i) => ({ ...frame, lines: found.get(addresses[i] ?? -1n) ?? [] }));
}

/** What `addr2line -a -i` prints: each address, and behind it the lines, innermost first. */
export function linesByAddress(text: string): Map<bigint, string[]> {
  const found = new Map<bigint, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    if (/^0x[0-9a-f]+$/.test(line)) found.set(BigInt(line), (current = []));
    else if (line !== '' && !line.startsWith('??')) current.push(inTree(line));
  }
  return found;
}

/** As below the source tree: where it was built says nothing. */
function inTree(path: string): string {
  return path
    .replace(/ \(discriminator \d+\)$/, '')
    .replace(/^.*\/built\/[^/]+\//, '')
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/\.\//g, '/');
}
