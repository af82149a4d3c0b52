// SPDX-License-Identifier: Apache-2.0
// Carries out the operations of one epoch. Calls of the agent are sent ahead in a window, so that thousands of them
// cost no round trips; everything else waits until the window is empty.
import { isFileAction } from '../../model/scenario/file-steps.js';
import { type GuestAction, isGuestAction } from '../../model/scenario/guest.js';
import { MAX_IN_FLIGHT } from '../agent/client.js';
import { isAgentAction } from '../agent/operations.js';
import type { Operation } from '../engine/operation.js';
import type { Needs, Parts } from '../engine/parts.js';
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
   * A step failed, or the scenario says so: the update is called off. `rest`: what the scenario does in the old kernel
   * after that, or null where it ends there.
   */
  | { kind: 'called-off'; why: string; rest: readonly Operation[] | null };

/** `last`: no update follows, so that a call that failed calls nothing off. */
export type Position = 'before-update' | 'last';

interface UnderWay {
  answer: Promise<void>;
  kind: 'call' | 'check' | 'restore';
}

/** Answers that are still to come, oldest first. */
class Window {
  private readonly underWay: UnderWay[] = [];

  async send(answer: Promise<void>, kind: UnderWay['kind']): Promise<void> {
    // It is awaited when its turn comes; until then a rejection is not an unhandled one.
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
  for (const [at, operation] of operations.entries()) {
    if (operation.during === 'kexec') continue; // sent together with the reboot call, see racing.ts
    if (recorder.epoch > 0 && opensLiveUpdate(operation)) await pauseAt('before-open');
    // Which files came back is known once the calls before have been answered.
    if (operation.op === 'close' && operation.target.kind === 'file' && recorder.epoch > 0) {
      await window.drain();
      await closeFile(parts, operation);
      continue;
    }
    if (isAgentAction(operation)) {
      // Each client works through its own calls in order; between two of them only an answer makes an order.
      if (by !== operation.by) await window.drain();
      by = operation.by;
      // An inspection that is still under way must not see the result of what comes after it.
      if (isFileAction(operation) && window.has('check')) await window.drain();
      await window.send(callAgent(parts, operation), 'call');
      continue;
    }
    if (isGuestAction(operation)) {
      // What came back is known once it has been answered; the same kind of call for many guests need not wait.
      if (needsAnswers(operation, window)) await window.drain();
      // More than one call, and what the guest does next needs them all.
      if (operation.op === 'guest-attach') {
        await callGuest(parts, operation);
        continue;
      }
      if (operation.op === 'guest-restore') await inspectArrival(parts);
      await window.send(callGuest(parts, operation), kindOf(operation));
      continue;
    }
    if (operation.op === 'check') {
      // Which files there are is known once the calls before have been answered; checks among themselves need not wait.
      if (window.hasOther('check')) await window.drain();
      await window.send(check(parts, operation), 'check');
      continue;
    }
    if (isLate(operations, at)) continue; // begins right before the jump, see update/jump.ts
    await window.drain();
    // Before a kexec a call that failed without being expected calls the update off; after the last one the lab looks
    // at all that is left.
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

/** The two kernels do not fit: the update is not tried. */
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

/** Ticks, and which files there are, are known from the answers to the calls before. */
function needsAnswers({ op }: GuestAction, window: Window): boolean {
  if (op === 'guest-wait' || op === 'guest-attach') return true;
  if (op === 'guest-check') return window.hasOther('check');
  return op === 'guest-restore' && window.hasOther('restore');
}

/**
 * A transfer that is to be in flight over the kexec: nothing but others of its kind and faults at the jump stand
 * between the two.
 */
export function isLate(operations: readonly Operation[], at: number): boolean {
  if (operations[at]?.op !== 'device-dma') return false;
  const next = operations
    .slice(at + 1)
    .find(
      (each) => each.op !== 'device-dma' && each.during === undefined && !(each.op === 'fault' && each.at === 'jump'),
    );
  return next?.op === 'kexec';
}

/** Operations that inspect: what they find is judged, and calls no update off. */
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
