// SPDX-License-Identifier: Apache-2.0
// Executes the operations of one epoch. Calls to the agent are sent ahead in a window, so that thousands of calls do
// not cost thousands of round trips; every other operation waits until the window is empty.
import { isFileAction } from '../../model/scenario/file-steps.js';
import { type GuestAction, isGuestAction } from '../../model/scenario/guest.js';
import { MAX_IN_FLIGHT } from '../agent/client.js';
import { isAgentAction } from '../agent/operations.js';
import type { Operation } from '../engine/operation.js';
import type { Needs, Parts } from '../engine/parts.js';
import { saveRung, savesRung } from '../engine/rungs.js';
import { inspectArrival } from '../guests/inspect.js';
import type { StepResult } from '../state/step-result.js';
import { findIncompatibility, type Incompatibility } from '../update/preflight.js';
import { callAgent, callGuest, check, closeFile } from './agent-steps.js';
import { carryOut } from './host-steps.js';

/** Why the operations of this epoch ended. */
export type EpochEnd =
  | { kind: 'kexec' }
  | { kind: 'done' }
  /**
   * The update is called off, because a step failed or the scenario says so. `rest`: what the scenario still does in
   * the old kernel; null if it ends there.
   */
  | { kind: 'called-off'; why: string; rest: readonly Operation[] | null };

/** `last`: no update follows, so a failed call calls nothing off. */
export type Position = 'before-update' | 'last';

interface UnderWay {
  answer: Promise<void>;
  kind: 'call' | 'check' | 'restore';
}

/** Pending answers, oldest first. */
class Window {
  private readonly underWay: UnderWay[] = [];

  async send(answer: Promise<void>, kind: UnderWay['kind']): Promise<void> {
    // It is awaited when its turn comes; until then a rejection must not count as unhandled.
    answer.catch(() => undefined);
    this.underWay.push({ answer, kind });
    if (this.underWay.length > MAX_IN_FLIGHT) await this.next();
  }

  async drain(): Promise<void> {
    while (this.underWay.length > 0) await this.next();
  }

  has(kind: UnderWay['kind']): boolean {
    return this.underWay.some((each) => each.kind === kind);
  }

  hasOther(kind: UnderWay['kind']): boolean {
    return this.underWay.some((each) => each.kind !== kind);
  }

  private async next(): Promise<void> {
    await this.underWay.shift()?.answer;
  }
}

export async function runSteps(parts: Parts, operations: readonly Operation[], position: Position): Promise<EpochEnd> {
  const { state, recorder, breakpoints } = parts;
  const window = new Window();
  const pauseAt = (point: 'before-open' | 'preserved') => breakpoints.pauseOnce(point, () => window.drain());
  let stop: string | null = null;
  let by: string | undefined;
  /** The last call was sent together with this one. */
  let races = false;
  /** It was itself sent together with the one before. */
  let raced = false;
  for (const [at, operation] of operations.entries()) {
    if (operation.during === 'kexec') continue; // sent together with the reboot call, see racing.ts
    if (recorder.epoch > 0 && opensLiveUpdate(operation)) await pauseAt('before-open');
    // The agents must be idle: an answer on its way would be in the saved machine and in the journal.
    if (operation.op === 'retrieve' && savesRung(parts, 'retrieve')) {
      await window.drain();
      await saveRung(parts, 'retrieve');
    }
    // Which files came back is known only after all earlier calls were answered.
    if (operation.op === 'close' && operation.target.kind === 'file' && recorder.epoch > 0) {
      await window.drain();
      await closeFile(parts, operation);
      continue;
    }
    if (isAgentAction(operation)) {
      // Each client executes its own calls in order; between two clients only an answer guarantees an order. What comes
      // after two calls at the same moment waits for both, also if another client makes it.
      if (!races && (by !== operation.by || raced)) await window.drain();
      raced = races;
      by = operation.by;
      races = operation.during === 'next';
      // A pending inspection must not see the effect of a later step.
      if (isFileAction(operation) && window.has('check')) await window.drain();
      await window.send(callAgent(parts, operation), 'call');
      continue;
    }
    if (isGuestAction(operation)) {
      // Calls of the same kind for many guests need not wait for each other.
      if (needsAnswers(operation, window)) await window.drain();
      // This takes more than one call, and the guest's next step needs all of them.
      if (operation.op === 'guest-attach') {
        await callGuest(parts, operation);
        continue;
      }
      if (operation.op === 'guest-restore') await inspectArrival(parts);
      await window.send(callGuest(parts, operation), kindOf(operation));
      continue;
    }
    if (operation.op === 'check') {
      // Which files exist is known only after all earlier calls; checks need not wait for each other.
      if (window.hasOther('check')) await window.drain();
      await window.send(check(parts, operation), 'check');
      continue;
    }
    if (isLate(operations, at)) continue; // starts right before the jump, see update/jump.ts
    await window.drain();
    // Before a kexec, a call that failed unexpectedly calls the update off. In the last kernel, the lab goes on and
    // inspects everything that is left.
    stop = position === 'last' ? null : calledOffBy(state.results, operations);
    if (stop !== null) break;
    if (operation.op === 'load' || operation.op === 'kexec') await pauseAt('preserved');
    if (operation.op === 'kexec') {
      const asks = parts.plan.scenario.policy === 'check' && !state.asked;
      const incompatibility = asks ? await findIncompatibility(parts) : null;
      return incompatibility === null ? { kind: 'kexec' } : callOff(parts, incompatibility, operations.slice(at + 1));
    }
    if (operation.op === 'abort')
      return { kind: 'called-off', why: 'the scenario calls the update off', rest: operations.slice(at + 1) };
    await carryOut(parts, operation);
  }
  await window.drain();
  stop ??= position === 'last' ? null : calledOffBy(state.results, operations);
  return stop === null ? { kind: 'done' } : { kind: 'called-off', why: stop, rest: null };
}

function opensLiveUpdate({ op }: Operation): boolean {
  return op === 'open' || op === 'create' || op === 'retrieve-session';
}

/** The two kernels do not fit together: the update is not attempted. */
export function callOff(
  { state }: Needs<'state'>,
  { why, mismatches }: Incompatibility,
  rest: readonly Operation[],
): EpochEnd {
  state.objected.push(...mismatches);
  return { kind: 'called-off', why: `the running kernel was asked: ${why}`, rest };
}

function kindOf({ op }: GuestAction): UnderWay['kind'] {
  return op === 'guest-restore' ? 'restore' : op === 'guest-check' ? 'check' : 'call';
}

/** A guest's ticks, and which files exist, are known only after all earlier calls were answered. */
function needsAnswers({ op }: GuestAction, window: Window): boolean {
  if (op === 'guest-wait' || op === 'guest-attach') return true;
  if (op === 'guest-check') return window.hasOther('check');
  return op === 'guest-restore' && window.hasOther('restore');
}

/** A transfer that must be in flight at the kexec: only other transfers and faults at the jump come between the two. */
export function isLate(operations: readonly Operation[], at: number): boolean {
  if (operations[at]?.op !== 'device-dma') return false;
  const next = operations
    .slice(at + 1)
    .find(
      (each) => each.op !== 'device-dma' && each.during === undefined && !(each.op === 'fault' && each.at === 'jump'),
    );
  return next?.op === 'kexec';
}

/** Operations that inspect: their findings are judged, and call no update off. */
const INSPECTIONS: readonly Operation['op'][] = ['check', 'device-check', 'guest-check', 'exec'];

function calledOffBy(results: readonly StepResult[], operations: readonly Operation[]): string | null {
  const own = new Set(operations.map(({ index }) => index));
  const failed = results.find(
    ({ operation: { op, index, errno, accepts }, state, unexpected }) =>
      own.has(index) &&
      state === 'failed' &&
      !INSPECTIONS.includes(op) &&
      ((errno === null && accepts === undefined) || unexpected),
  );
  if (failed === undefined) return null;
  const { operation, errno, at } = failed;
  return `${operation.op} failed with ${errno ?? 'an unexpected result'}${at === null ? '' : ` (${at})`}`;
}
