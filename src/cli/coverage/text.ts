// SPDX-License-Identifier: Apache-2.0
// Coverage for the terminal.
import { missedLines, type ReportedKernel, type Share, tally, total } from '../../coverage/index.js';
import { printable } from '../../util/text/escape.js';
import { table } from '../text/table.js';

/** The files whose coverage docs/coverage.md gives. */
const CORE = /^(?:kernel\/liveupdate\/\w+|mm\/memfd_luo)\.c$/;
const CORE_NAME = 'kernel/liveupdate/*.c and mm/memfd_luo.c';

type Counted = { lines: Share; branches: Share; blocks: Share };

function cells({ lines, branches, blocks }: Counted): string[] {
  return [lines, branches, blocks].flatMap(({ hit, total: all }) =>
    all === 0 ? ['-', ''] : [`${hit}/${all}`, `${Math.floor((100 * hit) / all)} %`],
  );
}

const sum = (all: readonly Counted[]): Counted => ({
  lines: total(all.map(({ lines }) => lines)),
  branches: total(all.map(({ branches }) => branches)),
  blocks: total(all.map(({ blocks }) => blocks)),
});

const times = (count: number): string => (count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`);

/** The head of a kernel: which runs there are, and what they did not see. */
export function headText({ merged, noLines }: ReportedKernel): string {
  const { name, runs, asFirst, asNext, blind } = merged;
  const count = runs.length === 1 ? '1 run' : `${runs.length} runs`;
  return [
    `${printable(name)}   ${count}: as the first kernel ${times(asFirst)}, as a later one ${times(asNext)}`,
    ...[...blind].map(([why, number]) => `  blind  ${times(number)}: ${printable(why)}`),
    ...(noLines === null ? [] : [`  no source lines: ${printable(noLines, 400)}`]),
    '',
  ].join('\n');
}

export function tableText({ merged, code }: ReportedKernel): string {
  const files = tally(code, merged.ran);
  const core = files.filter(({ path }) => CORE.test(path));
  const rows = [
    ...files.flatMap((file) => [
      [file.path, ...cells(file)],
      ...file.functions.map((each) => [`  ${each.name}`, ...cells(each)]),
    ]),
    ...(core.length === 0 ? [] : [[CORE_NAME, ...cells(sum(core))]]),
    ['all', ...cells(sum(files))],
  ];
  return table(['', 'lines', '', 'branches', '', 'blocks', ''], rows);
}

const MAX_SHOWN = 3;

/** The lines that nothing reached, with the first lines of their source. */
export function missedText({ merged, code, textOf }: ReportedKernel): string {
  const missed = missedLines(code.files ?? [], merged.ran);
  if (missed.length === 0) return code.files === null ? '' : '  every line ran\n';
  return missed
    .map(({ path, function: name, first, last }) => {
      const source = textOf(path)?.slice(first - 1, last) ?? [];
      const shown = source.slice(0, MAX_SHOWN).map((text) => `      ${printable(text.replaceAll('\t', '  '), 110)}\n`);
      const rest = source.length > MAX_SHOWN ? `      ...\n` : '';
      const lines = first === last ? `${first}` : `${first}-${last}`;
      return `  ${printable(`${path}:${lines}  ${name}()`)}\n${shown.join('')}${rest}`;
    })
    .join('');
}
