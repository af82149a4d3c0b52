// SPDX-License-Identifier: Apache-2.0
// Folds steps that differ only in a number into a repeat, so that people can read a sequence of many calls.

/** What a key of a step can hold. */
export type StepText = { [key: string]: string | number | boolean | readonly string[] | StepText };
export type Folded = string | StepText | { repeat: { count: number; steps: (string | StepText)[] } };

/** Keys that take a template. */
const TEMPLATES: ReadonlySet<string> = new Set([
  'session',
  'file',
  'name',
  'as',
  'token',
  'create',
  'retrieve',
  'finish',
]);
/** Shorter runs are as easy to read. */
const MIN_ROUNDS = 4;
/** The longest run of steps that is looked for: create a file, preserve it. */
const MAX_PERIOD = 3;

/** The step with `{i}` for this number at the end of its names; a token that is the number becomes one too. */
function templated(step: string | StepText, number: number): string | StepText {
  if (typeof step === 'string') return step;
  const digits = new RegExp(`(?<![0-9])${number}$`);
  const entries = Object.entries(step).map(([key, value]): [string, StepText[string]] => {
    if (typeof value === 'object' && !Array.isArray(value))
      return [key, templated(value as StepText, number) as StepText];
    if (!TEMPLATES.has(key)) return [key, value];
    if (key === 'token') return [key, value === number ? '{i}' : value];
    return [key, typeof value === 'string' && !value.includes('{') ? value.replace(digits, '{i}') : value];
  });
  return Object.fromEntries(entries);
}

/** How many rounds of `period` steps from `at` on are the same but for their number. */
function rounds(steps: readonly (string | StepText)[], at: number, period: number): number {
  const round = (number: number) =>
    JSON.stringify(
      steps.slice(at + (number - 1) * period, at + number * period).map((step) => templated(step, number)),
    );
  const first = round(1);
  if (!first.includes('{i}')) return 0;
  let count = 1;
  while (at + (count + 1) * period <= steps.length && round(count + 1) === first) count += 1;
  return count;
}

export function fold(steps: readonly (string | StepText)[]): Folded[] {
  const folded: Folded[] = [];
  for (let at = 0; at < steps.length;) {
    const best = Array.from({ length: MAX_PERIOD }, (_, index) => index + 1)
      .map((period) => ({ period, count: rounds(steps, at, period) }))
      .find(({ count }) => count >= MIN_ROUNDS);
    if (best === undefined) {
      folded.push(steps[at] as string | StepText);
      at += 1;
      continue;
    }
    const { period, count } = best;
    folded.push({ repeat: { count, steps: steps.slice(at, at + period).map((step) => templated(step, 1)) } });
    at += period * count;
  }
  return folded;
}
