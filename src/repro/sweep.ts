// SPDX-License-Identifier: Apache-2.0
// Lets the allocations of one step fail, one a run, until the step makes no more of them.
import { parseDocument } from 'yaml';
import type { Event } from '../model/result/event.js';
import type { Outcome } from '../model/result/outcome.js';
import { type Failing, isFailing } from '../model/scenario/failing.js';
import type { Scenario } from '../model/scenario/scenario.js';

/** The scenario's text, with this allocation failing. */
export function withFailing(text: string, failing: Failing): string {
  const document = parseDocument(text);
  document.set('fail', { step: failing.step, which: failing.which, nth: failing.nth });
  return document.toString({ lineWidth: 0 });
}

export interface SweptRun {
  nth: number;
  /** What the step answered at last; null if it never did. */
  answer: string | null;
  /** It ended with ENOMEM, and was made again. */
  again: boolean;
  outcome: Outcome;
  asExpected: boolean;
  title: string | null;
  run: string;
}

export interface Sweep {
  runs: SweptRun[];
  /** Allocations that the step makes; null if there may be more. */
  allocations: number | null;
}

export interface Ended {
  outcome: Outcome;
  asExpected: boolean;
  title: string | null;
  run: string;
  events: readonly Event[];
}

/**
 * Runs the scenario for one allocation after the other.
 * @param step the one that fails
 * @param run runs it once, with this allocation failing
 */
export async function sweep(
  { first, max }: { first: number; max: number },
  step: Omit<Failing, 'nth'>,
  run: (nth: number) => Promise<{ scenario: Scenario; ended: Ended }>,
): Promise<Sweep> {
  const runs: SweptRun[] = [];
  for (let nth = first; nth < first + max; nth++) {
    const { scenario, ended } = await run(nth);
    const index = scenario.steps.findIndex((_, at) => isFailing(step, scenario.steps, at));
    const seen = ended.events.find((event) => event.kind === 'step' && event.index === index);
    const answered = seen?.kind === 'step' ? seen : null;
    // The step made fewer allocations, and nothing failed.
    if (answered?.allocation?.failed === false) return { runs, allocations: nth - 1 };
    const { outcome, asExpected, title, run: folder } = ended;
    runs.push({
      nth,
      answer: answered === null ? null : (answered.errno ?? 'OK'),
      again: answered?.allocation?.again ?? false,
      outcome,
      asExpected,
      title,
      run: folder,
    });
  }
  return { runs, allocations: null };
}
