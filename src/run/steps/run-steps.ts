// SPDX-License-Identifier: Apache-2.0
// Carries out the steps of one epoch. Calls of the agent are sent ahead in a window, so that thousands of them cost no
// round trips; everything else waits until the window is empty.
import { isFileAction } from '../../model/scenario/file-steps.js';
import { type GuestAction, isGuestAction } from '../../model/scenario/guest.js';
import type { Step } from '../../model/scenario/scenario.js';
import { objectionOf, type Objection } from '../update/preflight.js';
import { WINDOW, type RunContext } from '../engine/context.js';
import { lookAtArrival } from '../guests/inspect.js';
import { isAgentAction } from '../agent/operations.js';
import { holdAt, type Point } from './breakpoints.js';
import type { StepResult } from '../engine/state.js';
import { carryOut } from './host-steps.js';
import { callAgent, callGuest, check, closeFile } from './agent-steps.js';

/** Why the steps of this epoch ended. */
export type EpochEnd =
  | { kind: 'kexec' }
  | { kind: 'done' }
  /**
   * A step failed, or the scenario says so: the update is called off. `rest`: what the scenario does in the old kernel
   * after that, or null where it ends there.
   */
  | { kind: 'called-off'; why: string; rest: readonly IndexedStep[] | null };

export interface IndexedStep {
  step: Step;
  index: number;
}

interface UnderWay {
  answer: Promise<void>;
  kind: 'call' | 'check' | 'restore';
}

export async function runSteps(
  context: RunContext,
  steps: readonly IndexedStep[],
  lastEpoch: boolean,
): Promise<EpochEnd> {
  const window: UnderWay[] = [];
  let stop: string | null = null;
  let by: string | undefined;
  const hold = async (point: Point) => {
    const { heldAt } = context.state;
    const name = `${point} ${context.recorder.epoch}`;
    if (context.plan.hold === undefined || heldAt.has(name)) return;
    heldAt.add(name);
    await drain();
    await holdAt(context, point);
  };
  const drain = async () => {
    while (window.length > 0) await (window.shift() as UnderWay).answer;
  };
  const send = async (answer: Promise<void>, kind: UnderWay['kind']) => {
    // It is awaited when its turn comes; until then a rejection is not an unhandled one.
    answer.catch(() => undefined);
    window.push({ answer, kind });
    if (window.length > WINDOW) await (window.shift() as UnderWay).answer;
  };
  for (const [at, { step, index }] of steps.entries()) {
    if (step.during === 'kexec') continue; // sent together with the reboot call, see racing.ts
    if (context.recorder.epoch > 0 && opensLiveUpdate(step)) await hold('before-open');
    // Which files came back is known once the calls before have been answered.
    if (step.op === 'close' && step.target.kind === 'file' && context.recorder.epoch > 0) {
      await drain();
      await closeFile(context, step, step, index);
      continue;
    }
    if (isAgentAction(step)) {
      // Each client works through its own calls in order; between two of them only an answer makes an order.
      if (by !== step.by) await drain();
      by = step.by;
      // A look that is still under way must not be held against what comes after it.
      if (isFileAction(step) && window.some(({ kind }) => kind === 'check')) await drain();
      await send(callAgent(context, step, step, index), 'call');
      continue;
    }
    if (isGuestAction(step)) {
      // What came back is known once it has been answered; the same kind of call for many guests need not wait.
      if (needsAnswers(step, window)) await drain();
      // More than one call, and what the guest does next needs them all.
      if (step.op === 'guest-attach') {
        await callGuest(context, step, step, index);
        continue;
      }
      if (step.op === 'guest-restore') await lookAtArrival(context);
      await send(
        callGuest(context, step, step, index),
        step.op === 'guest-restore' ? 'restore' : step.op === 'guest-check' ? 'check' : 'call',
      );
      continue;
    }
    if (step.op === 'check') {
      // Which files there are is known once the calls before have been answered; checks among themselves need not wait.
      if (window.some(({ kind }) => kind !== 'check')) await drain();
      await send(check(context, step, index), 'check');
      continue;
    }
    if (isLate(steps, at)) continue; // begins right before the jump, see update.ts
    await drain();
    // Before a kexec a call that failed without being expected calls the update off; after the last one the lab looks
    // at all that is left.
    stop = lastEpoch ? null : calledOffBy(context.state.results, steps);
    if (stop !== null) break;
    if (step.op === 'load' || step.op === 'kexec') await hold('preserved');
    if (step.op === 'kexec') {
      const objection =
        context.plan.scenario.policy === 'check' && !context.state.asked ? await objectionOf(context) : null;
      if (objection === null) return { kind: 'kexec' };
      return objected(context, objection, steps.slice(at + 1));
    }
    if (step.op === 'abort')
      return { kind: 'called-off', why: 'the scenario calls the update off', rest: steps.slice(at + 1) };
    await carryOut(context, step, index);
  }
  await drain();
  stop ??= lastEpoch ? null : calledOffBy(context.state.results, steps);
  return stop === null ? { kind: 'done' } : { kind: 'called-off', why: stop, rest: null };
}

function opensLiveUpdate({ op }: Step): boolean {
  return op === 'open' || op === 'create' || op === 'retrieve-session';
}

export function objected(
  { state }: RunContext,
  { why, mismatches }: Objection,
  rest: readonly IndexedStep[],
): EpochEnd {
  state.objected.push(...mismatches);
  return { kind: 'called-off', why: `the running kernel was asked: ${why}`, rest };
}

/** Ticks, and which files there are, are known from the answers to the calls before. */
function needsAnswers({ op }: GuestAction, window: readonly UnderWay[]): boolean {
  if (op === 'guest-wait' || op === 'guest-attach') return true;
  if (op === 'guest-check') return window.some(({ kind }) => kind !== 'check');
  return op === 'guest-restore' && window.some(({ kind }) => kind !== 'restore');
}

/**
 * A transfer that is to be in flight over the kexec: nothing but others of its kind and faults at the jump stand
 * between the two.
 */
export function isLate(steps: readonly IndexedStep[], at: number): boolean {
  if (steps[at]?.step.op !== 'device-dma') return false;
  const next = steps
    .slice(at + 1)
    .find(
      ({ step }) =>
        step.op !== 'device-dma' && step.during === undefined && !(step.op === 'fault' && step.at === 'jump'),
    );
  return next?.step.op === 'kexec';
}

function calledOffBy(results: readonly StepResult[], steps: readonly { index: number }[]): string | null {
  const mine = new Set(steps.map(({ index }) => index));
  const failed = results.find(
    (result) =>
      mine.has(result.index) &&
      result.state === 'failed' &&
      result.step.op !== 'check' &&
      result.step.op !== 'device-check' &&
      result.step.op !== 'guest-check' &&
      result.step.op !== 'exec' &&
      ((result.step.errno === null && result.step.accepts === undefined) || result.unexpected),
  );
  if (failed === undefined) return null;
  return `${failed.step.op} failed with ${failed.errno ?? 'an unexpected result'}${failed.at === null ? '' : ` (${failed.at})`}`;
}
