// SPDX-License-Identifier: Apache-2.0
// The report of `lab try`, as a reply on a mailing list: what is wrong first, then what was run, then how to repeat it.
import {
  type Blamed,
  TRY_PAIRS,
  type TryFinding,
  type TryPair,
  type TryReport,
  type TryStop,
} from '../../model/series/try.js';
import { shellQuote } from '../../util/text/shell-quote.js';
import { cut, wrap } from './wrap.js';

/** What a pair means for who runs hosts. */
const MEANS: Readonly<Record<TryPair, string>> = {
  'base -> base': 'without the series',
  'base -> series': 'the update to the series',
  'series -> base': 'the rollback from it',
  'series -> series': 'the next update with it',
};
const HEADS: Readonly<Record<TryPair, string>> = {
  'base -> base': 'B -> B',
  'base -> series': 'B -> S',
  'series -> base': 'S -> B',
  'series -> series': 'S -> S',
};

export function tryText(report: TryReport): string {
  const { series, stop, findings, abi } = report;
  const worse = findings.filter((finding) => finding.isWorse);
  const better = findings.filter((finding) => !finding.isWorse);
  const count = series.patches.length;
  const lines = [
    ...wrap(`${series.title}${series.version > 1 ? ` (v${series.version})` : ''}`),
    ...wrap(`${count} ${count === 1 ? 'patch' : 'patches'} from ${series.from}, tried on ${report.base.name}`),
    '',
    ...wrap(summary(report)),
    ...(stop === null ? [] : ['', ...stopText(stop, report)]),
    ...worse.flatMap((finding) => ['', ...findingText(finding, report)]),
    ...better.flatMap((finding) => ['', ...findingText(finding, report)]),
    ...(abi === null
      ? []
      : ['', 'What is handed over (lab abi diff, base and series):', ...abi.lines.flatMap(indented)]),
    ...tableText(report),
    ...kernelsText(report),
    ...series.notes.flatMap((note) => ['', ...wrap(`note: ${note}`, '', '  ')]),
    '',
    ...wrap(`Again: ${report.command}`, '', '  '),
    ...wrap(`Live-update lab ${report.lab}, ${startText(report)}, ${timeText(report.took)}.`),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

const indented = (line: string): string[] => wrap(line, '  ', '    ');

function summary({ stop, findings, rows, abi }: TryReport): string {
  const worse = findings.filter(({ isWorse }) => isWorse).length;
  const unknown = rows.filter(({ state }) => state === 'infra' || state === 'pending' || state === 'flaky').length;
  const without = unknown === 0 ? '' : ` ${unknown} of ${rows.length} runs gave no verdict.`;
  switch (stop?.kind) {
    case 'does-not-apply':
      return 'The series does not apply. Nothing was built.';
    case 'does-not-build':
      return 'The series does not build. Nothing was run.';
    case 'does-not-boot':
      return 'The kernel with the series does not boot, so no update was tried.';
    case undefined:
      if (worse > 0)
        return `${worse === 1 ? 'One thing ends' : `${worse} things end`} worse than without the series.${without}`;
      if (abi?.ok === false) return `All updates end as without the series, but a layout changed.${without}`;
      return `Nothing ends worse than without the series.${without}`;
  }
}

function stopText(stop: TryStop, report: TryReport): string[] {
  const quoted = (lines: readonly string[]) => lines.map((line) => cut(line, '    '));
  switch (stop.kind) {
    case 'does-not-apply': {
      const where = stop.file === null ? '' : `: ${stop.hunk === null ? '' : `hunk ${stop.hunk} of `}${stop.file}`;
      const head = `${patchText({ first: stop.patch, last: stop.patch }, report)} does not apply${where}`;
      return [...wrap(head, '', '  '), ...quoted(stop.lines)];
    }
    case 'does-not-build': {
      const who =
        stop.patch !== null
          ? patchText(stop.patch, report)
          : stop.patches.length > 0
            ? `${stop.patches.length === 1 ? 'Patch' : 'One of the patches'} ${stop.patches.join(', ')}`
            : 'The series';
      const where = stop.files.length === 0 ? '' : ` in ${stop.files.join(', ')}`;
      return [...wrap(`${who} breaks the build${where}:`, '', '  '), '', ...quoted(stop.lines)];
    }
    case 'does-not-boot': {
      const who = stop.patch === null ? 'The series' : patchText(stop.patch, report);
      return [
        ...wrap(`${who} does not boot${stop.title === null ? '' : `: ${stop.title}`}`, '', '  '),
        ...evidenceText(stop.evidence),
        ...repeatText(stop.run),
      ];
    }
  }
}

function findingText(finding: TryFinding, report: TryReport): string[] {
  const { pair, outcome, endsIn, instead, isWorse, scenarios, title, evidence, run, patch } = finding;
  const who = patch === null ? 'The series' : patchText(patch, report);
  const verb = isWorse ? 'breaks' : 'changes';
  const end = endsIn === 'none' ? '' : `, ends in ${endsIn}`;
  return [
    ...wrap(`${who} ${verb} ${pair}, ${MEANS[pair]}: ${outcome} instead of ${instead}${end}.`, '', '  '),
    ...wrap(`in: ${scenarios.join(', ')}`, '  ', '      '),
    ...(title === null ? [] : wrap(title, '  ', '    ')),
    ...evidenceText(evidence),
    ...repeatText(run),
  ];
}

function evidenceText(evidence: readonly string[]): string[] {
  return evidence.length === 0 ? [] : ['', ...evidence.map((line) => cut(line, '    '))];
}

function repeatText(run: string | null): string[] {
  return run === null ? [] : ['', `  again: lab repro ${shellQuote(run)}`];
}

function patchText({ first, last }: Blamed, { series }: TryReport): string {
  const all = series.patches.length;
  const name = (number: number) => `patch ${number}/${all} "${series.patches[number - 1]?.title ?? ''}"`;
  const text = first === last ? name(first) : `one of the patches ${first} to ${last} of ${all}`;
  return text[0] === 'p' ? `P${text.slice(1)}` : `O${text.slice(1)}`;
}

function tableText({ rows }: TryReport): string[] {
  if (rows.length === 0) return [];
  const names = [...new Set(rows.map(({ scenario }) => scenario))];
  const cell = (scenario: string, pair: TryPair) => {
    const row = rows.find((each) => each.scenario === scenario && each.pair === pair);
    return row === undefined ? '-' : row.state === 'pending' ? 'not run' : row.state;
  };
  const head = ['', ...TRY_PAIRS.map((pair) => HEADS[pair])];
  const body = names.map((name) => [name, ...TRY_PAIRS.map((pair) => cell(name, pair))]);
  const width = Math.min(26, Math.max(...names.map((name) => name.length)));
  // A long name has a line of its own.
  const line = ([name = '', ...cells]: string[]): string[] =>
    name.length > width
      ? [`  ${name}`, `  ${' '.repeat(width)}  ${columns(cells)}`]
      : [`  ${name.padEnd(width)}  ${columns(cells)}`];
  return ['', 'What was run (B: the base, S: with the series):', '', ...[head, ...body].flatMap(line)];
}

const columns = (cells: readonly string[]): string => cells.map((each) => each.padEnd(9)).join('  ');

function kernelsText({ base, patched, small }: TryReport): string[] {
  if (base.sha256 === '') return [];
  const row = (letter: string, { name, release, sha256 }: TryReport['base']) =>
    wrap(`${letter}  ${name}, release ${release ?? 'unknown'}, bzImage ${sha256.slice(0, 16)}`, '  ', '     ');
  return [
    '',
    `Kernels${small ? ', the small ones (no guests, no devices)' : ''}:`,
    ...row('B', base),
    ...(patched === null ? [] : row('S', patched)),
  ];
}

function startText({ startedAt }: TryReport): string {
  return `${startedAt.slice(0, 16).replace('T', ' ')} UTC`;
}

function timeText(seconds: number): string {
  return seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
