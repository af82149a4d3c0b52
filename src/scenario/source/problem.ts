// SPDX-License-Identifier: Apache-2.0
// A problem in a scenario, and its text on a terminal.
import { UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';

export interface ScenarioProblem {
  file: string;
  /** From 1; 0 for a problem without a position (the file is unreadable, or the command line is wrong). */
  line: number;
  column: number;
  message: string;
  /** The nearest correct word, or what to write instead. */
  hint: string | null;
}

const MAX_SHOWN = 20;
const MAX_VALUE = 60;
const WINDOW = 110;

/** A value in a message: short, quoted, without control characters. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value, MAX_VALUE)}"`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  if (typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : 'a mapping';
}

/** The first few names. */
export function listed(names: Iterable<string>, limit = 12): string {
  const all = [...names];
  const some = all
    .slice(0, limit)
    .map((name) => printable(name, MAX_VALUE))
    .join(', ');
  return all.length > limit ? `${some} and ${all.length - limit} more` : some;
}

function excerpt(source: string | undefined, column: number): string {
  if (source === undefined) return '';
  const start = column > WINDOW - 10 ? column - WINDOW / 2 : 0;
  const cut = source.slice(start, start + WINDOW);
  const before = printable(cut.slice(0, Math.max(0, column - 1 - start)).replaceAll('\t', ' '), WINDOW * 6);
  const after = printable(cut.slice(Math.max(0, column - 1 - start)).replaceAll('\t', ' '), WINDOW * 6);
  const lead = start > 0 ? '...' : '';
  return `\n    ${lead}${before}${after}\n    ${' '.repeat(lead.length + Array.from(before).length)}^`;
}

/** Formats a problem: position, message, hint, and the source line with a caret. */
export function renderProblem(problem: ScenarioProblem, lines: readonly string[]): string {
  const file = printable(problem.file, 300);
  const place = problem.line > 0 ? `${file}:${problem.line}:${problem.column}` : file;
  const hint = problem.hint === null ? '' : `; ${problem.hint}`;
  const source = problem.line > 0 ? excerpt(lines[problem.line - 1], problem.column) : '';
  return `${place}: ${printable(problem.message + hint, 1000)}${source}`;
}

/** The scenario is invalid, and nothing was started. */
export class ScenarioError extends UsageError {
  override name = 'ScenarioError';
  readonly problems: readonly ScenarioProblem[];

  constructor(problems: readonly ScenarioProblem[], source = '') {
    const lines = source.split(/\r\n|\n|\r/);
    const texts = problems.slice(0, MAX_SHOWN).map((problem) => renderProblem(problem, lines));
    if (problems.length > MAX_SHOWN) texts.push(`... and ${problems.length - MAX_SHOWN} more problems`);
    super(texts.join('\n'));
    this.problems = problems;
  }
}
