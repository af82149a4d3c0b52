// SPDX-License-Identifier: Apache-2.0
// Carries out the steps of one epoch. Calls of the agent are sent ahead in a window, so that thousands of them cost no round trips;
// everything else waits until the window is empty.
import { BAD_REQUEST, NO_HANDLE, type AgentReply } from '../guest/agent.js';
import { isDeviceAction } from '../model/device.js';
import { type GuestAction, isGuestAction } from '../model/guest.js';
import type { Step } from '../model/scenario.js';
import { within } from '../util/deadline.js';
import { LabError } from '../util/errors.js';
import { objectionOf, type Objection } from './asked.js';
import { checkInside } from './check.js';
import { WINDOW, type RunContext } from './context.js';
import { deviceStep } from './device-steps.js';
import { injectFault } from './faults.js';
import { lookAtArrival } from './guest-look.js';
import { guestStep } from './guest-steps.js';
import { kselftestStep } from './kselftest.js';
import { INITRD_DISK, nextKernel } from './layout.js';
import { applied, isAgentAction, operationOf, runsOf, type AgentAction } from './operations.js';
import { holdAt, type Point } from './points.js';
import { RunState, type StepResult } from './state.js';
import { finalizeWithoutLuo, startAgent } from './user-space.js';

/** Why the steps of this epoch ended. */
export type EpochEnd =
  | { kind: 'kexec' }
  | { kind: 'done' }
  /** A step failed, or the scenario says so: the update is called off. `rest`: what the scenario does in the old kernel after that. */
  | { kind: 'called-off'; why: string; rest: readonly IndexedStep[] };

export interface IndexedStep {
  step: Step;
  index: number;
}

interface UnderWay {
  answer: Promise<void>;
  kind: 'call' | 'check' | 'restore';
}

export async function runSteps(context: RunContext, steps: readonly IndexedStep[], lastEpoch: boolean): Promise<EpochEnd> {
  const window: UnderWay[] = [];
  let stop: string | null = null;
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
    if (context.recorder.epoch > 0 && opensLiveUpdate(step)) await hold('before-open');
    if (isAgentAction(step)) {
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
      await send(callGuest(context, step, step, index), step.op === 'guest-restore' ? 'restore' : step.op === 'guest-check' ? 'check' : 'call');
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
    // Before a kexec a call that failed without being expected calls the update off; after the last one the lab looks at all that is left.
    stop = lastEpoch ? null : calledOffBy(context.state.results, steps);
    if (stop !== null) break;
    if (step.op === 'load' || step.op === 'kexec') await hold('preserved');
    if (step.op === 'kexec') {
      const objection = context.plan.scenario.policy === 'check' && !context.state.asked ? await objectionOf(context) : null;
      if (objection === null) return { kind: 'kexec' };
      return objected(context, objection, steps.slice(at + 1));
    }
    if (step.op === 'abort') return { kind: 'called-off', why: 'the scenario calls the update off', rest: steps.slice(at + 1) };
    await other(context, step, index);
  }
  await drain();
  stop ??= lastEpoch ? null : calledOffBy(context.state.results, steps);
  return stop === null ? { kind: 'done' } : { kind: 'called-off', why: stop, rest: [] };
}

function opensLiveUpdate({ op }: Step): boolean {
  return op === 'open' || op === 'create' || op === 'retrieve-session';
}

export function objected({ state }: RunContext, { why, mismatches }: Objection, rest: readonly IndexedStep[]): EpochEnd {
  state.objected.push(...mismatches);
  return { kind: 'called-off', why: `the running kernel was asked: ${why}`, rest };
}

/** Ticks, and which files there are, are known from the answers to the calls before. */
function needsAnswers({ op }: GuestAction, window: readonly UnderWay[]): boolean {
  if (op === 'guest-wait' || op === 'guest-attach') return true;
  if (op === 'guest-check') return window.some(({ kind }) => kind !== 'check');
  return op === 'guest-restore' && window.some(({ kind }) => kind !== 'restore');
}

async function callGuest(context: RunContext, action: GuestAction, step: Step, index: number): Promise<void> {
  const started = context.recorder.clock.now();
  const reply = await guestStep(context, action);
  finishStep(context, step, index, action.guest, reply, context.recorder.clock.now() - started);
}

/** A transfer that is to be in flight over the kexec: nothing but others of its kind and faults at the jump stand between the two. */
export function isLate(steps: readonly IndexedStep[], at: number): boolean {
  if (steps[at]?.step.op !== 'device-dma') return false;
  const next = steps.slice(at + 1).find(({ step }) => step.op !== 'device-dma' && !(step.op === 'fault' && step.at === 'jump'));
  return next?.step.op === 'kexec';
}

function calledOffBy(results: readonly StepResult[], steps: readonly { index: number }[]): string | null {
  const mine = new Set(steps.map(({ index }) => index));
  const failed = results.find((result) =>
    mine.has(result.index) && result.state === 'failed' && result.step.op !== 'check' && result.step.op !== 'device-check' && result.step.op !== 'guest-check' && result.step.op !== 'exec'
    && (result.step.errno === null || result.unexpected));
  if (failed === undefined) return null;
  return `${failed.step.op} failed with ${failed.errno ?? 'an unexpected result'}${failed.at === null ? '' : ` (${failed.at})`}`;
}

async function callAgent(context: RunContext, action: AgentAction, step: Step, index: number): Promise<void> {
  const { state, agent, deadlines, machine } = context;
  const operation = operationOf(action, state);
  const started = context.recorder.clock.now();
  const [op, args] = operation.request;
  // Both are sent at once: the pages of a file that is preserved stay where they are.
  const answer = agent.request(op, args, deadlines.request(operation.bytes), machine.ended);
  const pages = action.op === 'preserve' ? agent.request('pfns', { file: action.file }, deadlines.request(operation.bytes), machine.ended) : null;
  pages?.catch(() => undefined);
  const reply = await answer;
  if (reply.ok) {
    applied(action, state, reply.data);
    if (pages !== null && action.op === 'preserve') {
      const file = state.files.get(action.file);
      const where = await pages;
      if (file !== undefined && where.ok) file.runs = runsOf(where);
    }
  } else if (action.op === 'retrieve') {
    const file = state.carried.get(RunState.key(action.session, action.token));
    if (file !== undefined && file.retrieved === null && reply.errno !== NO_HANDLE) file.errno = reply.errno;
  }
  finishStep(context, step, index, operation.target, reply, context.recorder.clock.now() - started);
}

/** Writes down how a step ended, and whether that is what the scenario demanded. */
export function finishStep(context: RunContext, step: Step, index: number, target: string, reply: Pick<AgentReply, 'ok' | 'errno' | 'at'>, ms: number): void {
  if (reply.errno === BAD_REQUEST) throw new LabError(`the agent does not understand ${step.op}`, { detail: reply.at });
  const skipped = reply.errno === NO_HANDLE;
  const state = reply.ok ? 'done' : skipped ? 'skipped' : 'failed';
  const got = reply.ok ? 'OK' : (reply.errno ?? 'EUNKNOWN');
  const unexpected = step.errno !== null && step.errno !== got;
  context.state.results.push({ step, index, state, errno: reply.ok ? null : reply.errno, at: reply.at, ms, unexpected });
  context.recorder.event({ kind: 'step', index, op: step.op, target, state, errno: reply.ok ? null : reply.errno, ms });
  if (unexpected) {
    context.recorder.incident({
      source: 'agent', side: 'inside', implies: null, title: `${step.op}: ${got} where ${step.errno} was demanded`,
      detail: `${step.pos.file}:${step.pos.line}:${step.pos.column}: ${step.op} ${target}: ${reply.at ?? ''}`,
    });
  } else if (state === 'failed' && step.errno === null) {
    context.recorder.incident({
      source: 'agent', side: 'inside', implies: null, title: `${step.op} failed with ${got}`, detail: `${step.op} ${target}: ${reply.at ?? ''}`,
    });
  }
}

const PASSED = { ok: true, errno: null, at: null };

async function check(context: RunContext, step: Extract<Step, { op: 'check' }>, index: number): Promise<void> {
  const started = context.recorder.clock.now();
  const file = context.state.files.get(step.file);
  if (file !== undefined) await checkInside(context, file, step.file);
  finishStep(context, step, index, step.file, file === undefined ? { ok: false, errno: NO_HANDLE, at: null } : PASSED, context.recorder.clock.now() - started);
}

async function other(context: RunContext, step: Step, index: number): Promise<void> {
  const started = context.recorder.clock.now();
  const done = (target: string, reply: Pick<AgentReply, 'ok' | 'errno' | 'at'>) =>
    finishStep(context, step, index, target, reply, context.recorder.clock.now() - started);
  const failed = (at: string) => ({ ok: false, errno: 'EFAIL', at });
  if (isDeviceAction(step)) return done(step.device, await deviceStep(context, step));
  switch (step.op) {
    case 'load':
      return done('next kernel', await loadNext(context, step.via));
    case 'fault':
      if (step.at === 'jump') return; // strikes during the kexec, see update.ts
      await injectFault(context, step.fault);
      return done(step.fault.kind, PASSED);
    case 'kselftest':
      return done(step.stage === null ? step.test : `${step.test} stage ${step.stage}`, await kselftestStep(context, step));
    case 'exec': {
      const result = await context.ssh.exec(step.command, { ms: context.deadlines.request(), signal: context.machine.ended });
      const wrong = result.status !== step.status ? `exit status ${result.status ?? result.signal}, expected ${step.status}`
        : step.stdout !== null && result.stdout.trim() !== step.stdout.trim() ? `other output: ${result.stdout.slice(0, 500)}` : null;
      return done(step.command, wrong === null ? PASSED : failed(`${wrong}; ${result.stderr.slice(0, 500)}`));
    }
    case 'upload': {
      const { readFile } = await import('node:fs/promises');
      const input = await readFile(step.from).catch((error: unknown) => {
        throw new LabError(`upload: ${step.from} cannot be read`, { cause: error });
      });
      const path = `'${step.to.replaceAll("'", `'\\''`)}'`;
      const command = `mkdir -p "$(dirname ${path})" && cat > ${path} && chmod ${step.mode.toString(8)} ${path}`;
      const result = await context.ssh.exec(command, { input, ms: context.deadlines.request(input.length * 4), signal: context.machine.ended });
      return done(step.to, result.status === 0 ? PASSED : failed(result.stderr.slice(0, 500)));
    }
    case 'kill-agent':
      await context.agent.request('die', {}, context.deadlines.request(), context.machine.ended).catch(() => undefined);
      await within(context.agent.gone, context.deadlines.request(), 'end of the agent', context.machine.ended);
      context.state.sessions.clear();
      for (const device of context.state.devices.values()) device.closed();
      for (const guest of context.state.guests.values()) guest.lose();
      // What came back came into its hands.
      for (const file of context.state.carried.values()) file.retrieved = null;
      context.agent = await startAgent(context, context.ssh);
      return done('agent', PASSED);
    default:
      throw new LabError(`no such step: ${step.op}`);
  }
}

/** Loads the kernel of the next epoch; the machine finds it and its initramfs on the disks that the lab put in. */
export async function loadNext(context: RunContext, via: 'file' | 'legacy'): Promise<AgentReply> {
  const { plan, recorder, agent, deadlines, machine } = context;
  const next = recorder.epoch + 1;
  await finalizeWithoutLuo(context);
  const { kernelDisk, kernelSize, cmdline } = nextKernel(context, next);
  const reply = await agent.request('load', {
    kernel: kernelDisk, kernelSize, initrd: INITRD_DISK, initrdSize: plan.rootfs.size, cmdline, via,
  }, deadlines.request(kernelSize + plan.rootfs.size), machine.ended);
  context.loaded = reply.ok;
  if (reply.ok) recorder.event({ kind: 'kexec', state: 'loaded' });
  return reply;
}
