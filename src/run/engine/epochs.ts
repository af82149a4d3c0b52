// SPDX-License-Identifier: Apache-2.0
// Goes through the epochs of a run, one a kernel: runs its steps, attempts the update to the next kernel, and decides
// when to judge.
import type { Outcome } from '../../model/result/outcome.js';
import { decide } from '../../verdict/verdict.js';
import { lookForLeakedObjects } from '../checkers/kmemleak.js';
import { noteOwners, stacksNow } from '../checkers/owners.js';
import { closeAndInspect, mayClose } from '../judge/closing/closing.js';
import { managedPages } from '../judge/files.js';
import { memoryNow } from '../judge/closing/free-memory.js';
import { recover } from '../recovery/recover.js';
import type { UpdateJudge } from '../judge/updates.js';
import { callOff, type EpochEnd, type Position, runSteps } from '../steps/run-steps.js';
import { preservedPages } from '../update/handover.js';
import { findIncompatibility } from '../update/preflight.js';
import { update, type Update } from '../update/update.js';
import { attemptsOf, isDeclared, type UpdateAttempt } from './attempts.js';
import { type Operation, operationsOf } from './operation.js';
import type { Parts } from './parts.js';
import type { Run } from './run.js';

/** These belong to the judgement of the previous update: if they follow a guest's pause, it cannot come before that. */
const RETRIEVALS: readonly Operation['op'][] = ['retrieve', 'retrieve-session', 'device-retrieve', 'guest-restore'];

export class Epochs {
  /** Pages that the first kernel managed once it had booted. */
  private managedFirst: number | null = null;

  constructor(
    private readonly run: Run,
    private readonly parts: Parts,
    private readonly judge: UpdateJudge,
  ) {}

  async go(): Promise<void> {
    const { plan, recorder, breakpoints, agents } = this.parts;
    const { recover: recovery, steps } = plan.scenario;
    if (recovery !== null) this.managedFirst = await managedPages({ agents });
    await breakpoints.pauseAt('booted');
    const operations = operationsOf(steps);
    while (await this.kernel(operations.filter(({ epoch }) => epoch === recorder.epoch)));
  }

  /**
   * Runs one kernel: its operations, and its attempts to update.
   * @returns whether the next kernel is up
   */
  private async kernel(own: readonly Operation[]): Promise<boolean> {
    const { parts, judge } = this;
    const { recorder, state, plan } = parts;
    const { epoch } = recorder;
    state.preservedAtStart = await preservedPages(parts);
    const attempts = attemptsOf(own);
    const last = attempts.every(({ kexec }) => kexec === null);
    const position: Position = last && epoch > 0 ? 'last' : 'before-update';
    for (const [at, attempt] of attempts.entries()) {
      const { kexec, operations } = attempt;
      const rest = attempts.slice(at + 1).flatMap((each) => each.operations);
      const end = await recorder.task(`steps of epoch ${epoch}`, () => this.steps(operations, position));
      if (end.kind === 'called-off') {
        await judge.calledOff(end.why, end.rest === null ? [] : [...end.rest, ...rest]);
        await this.leakedObjects();
        return false;
      }
      await judge.judge(last && plan.scenario.recover !== null ? 'guests-go-on' : 'guests-stay');
      if (kexec === null) {
        await this.close();
        await this.leakedObjects();
        await this.recover();
        return false;
      }
      const result = await this.attempt({ ...attempt, kexec });
      if (result.kind === 'jumped') return true;
      if (!isDeclared(kexec, result.errno) || !rest.some(({ op }) => op === 'kexec')) {
        await judge.calledOff(result.why, rest);
        await this.leakedObjects();
        return false;
      }
      // The scenario declares this refusal, and tries again.
      await judge.refused(result.why);
    }
    return false;
  }

  private async attempt(attempt: UpdateAttempt): Promise<Update> {
    const { parts, judge } = this;
    const { recorder } = parts;
    // Guests are paused by now: what takes seconds would be part of their downtime.
    if (parts.state.guests.size === 0) await this.leakedObjects();
    judge.leaves();
    await noteOwners(parts);
    const result = await recorder.task(`update ${recorder.epoch + 1}`, () => update(parts, attempt));
    if (result.kind === 'jumped') {
      const { release, bootId } = result.mark;
      recorder.overtake(recorder.epoch - 1);
      this.checkRelease(release);
      judge.arrived({
        handedOver: result.handedOver,
        managed: await managedPages(parts),
        memory: await memoryNow(parts),
        stacks: await stacksNow(parts),
      });
      this.run.kernels.push({ release, bootId });
    }
    return result;
  }

  /** If the kernel that came up is not the one that was loaded, the machine got there by a reboot. */
  private checkRelease(running: string | null): void {
    const { plan, recorder } = this.parts;
    const loaded = plan.kernels[recorder.epoch];
    if (loaded?.release == null || running === null || running === loaded.release) return;
    recorder.incident({
      source: 'agent',
      side: 'inside',
      implies: 'reboot',
      title: 'another kernel came up than the one that was loaded',
      detail: `${loaded.name} is ${loaded.release}; what runs says that it is ${running}`,
    });
  }

  /**
   * Runs the steps of one attempt. The last update is judged, and the preflight made, before guests are paused for the
   * next one, so that the lab's checks do not add to their downtime.
   */
  private async steps(own: readonly Operation[], position: Position): Promise<EpochEnd> {
    const { parts, judge } = this;
    const pause = own.findIndex(({ op }) => op === 'guest-pause');
    const afterPause = own.slice(pause);
    const asks = parts.plan.scenario.policy === 'check' && !afterPause.some(({ op }) => op === 'preserve');
    const early = !afterPause.some(({ op }) => RETRIEVALS.includes(op));
    if (pause < 0 || !early || (!judge.pending && !asks)) return runSteps(parts, own, position);
    const end = await runSteps(parts, own.slice(0, pause), position);
    if (end.kind !== 'done') return end;
    await judge.judge('guests-go-on');
    if (asks && position !== 'last') {
      const incompatibility = await findIncompatibility(parts);
      if (incompatibility !== null) return callOff(parts, incompatibility, []);
      parts.state.asked = true;
    }
    return runSteps(parts, afterPause, position);
  }

  /**
   * Closes everything that came back, as nothing needs it any more: what the kernel does then is part of the verdict. A
   * machine that is already broken is left as it is.
   */
  private async close(): Promise<void> {
    const { parts, run } = this;
    // A recovery is measured by what leaked, so a leak must stay as it is.
    const fine: readonly Outcome[] =
      parts.plan.scenario.recover === null ? ['preserved', 'leak', 'tainted'] : ['preserved', 'tainted'];
    if (!mayClose(parts) || !fine.includes(decide(parts.recorder.incidents).outcome)) return;
    const arrival = run.judgements.ledger.entries.at(-1)?.arrival ?? null;
    await parts.recorder.task('everything is closed', () => closeAndInspect(parts, arrival));
  }

  /** The last look at a kernel: everything else is judged by then. */
  private async leakedObjects(): Promise<void> {
    const { parts } = this;
    const { outcome } = decide(parts.recorder.incidents);
    // A kernel that is worse off has no need of it.
    if (!['preserved', 'refused', 'tainted', 'leak'].includes(outcome)) return;
    await lookForLeakedObjects(parts);
  }

  /**
   * If the last update did not end well, tries the recovery that the scenario names. The verdict covers only what came
   * before that.
   */
  private async recover(): Promise<void> {
    const { run, parts, managedFirst } = this;
    const { recover: way } = parts.plan.scenario;
    const { ledger, guests } = run.judgements;
    const last = ledger.updates.at(-1);
    const verdict = run.conclude();
    if (way === null || last === undefined || !['corrupt', 'lost', 'leak'].includes(verdict.outcome)) return;
    run.verdict = verdict;
    const own = guests.filter(({ epoch }) => epoch === last.epoch);
    run.recovery = await parts.recorder.task(`recovery by ${way}`, () =>
      recover(parts, way, { last, guests: own, managedFirst }),
    );
  }
}
