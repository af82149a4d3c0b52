// SPDX-License-Identifier: Apache-2.0
// What a scenario does to its guests over an update that the kernels would carry through: which version of the state
// they need, and what a VMM leaves undone.
import {
  type GuestAction,
  type GuestSpec,
  guestFiles,
  isGuestAction,
  STATE_VERSIONS,
  type StatePart,
} from '../../model/scenario/guest.js';
import type { Scenario, Step } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import type { Doing } from './effects.js';

type Planned = Pick<Scenario, 'steps' | 'cmdlines' | 'policy'>;
type Of<Op extends GuestAction['op']> = Extract<GuestAction, { op: Op }>;

/**
 * Parts without which the bare guest finds itself wrong, or stands still; CPUID is asked for before the rest is taken.
 */
const MISSED: readonly StatePart[] = ['regs', 'sregs', 'xsave', 'msrs', 'lapic', 'tsc', 'debugregs'];

/**
 * The least version of the state's form that can carry the guest (lab/agent/guest/state.c); what writes a lower one
 * refuses to with EOPNOTSUPP.
 */
export function neededState({ vcpus, features, devices }: Pick<GuestSpec, 'vcpus' | 'features' | 'devices'>): number {
  if (devices.length > 0) return 3;
  return vcpus > 1 || features.includes('debugregs') ? 2 : 1;
}

/**
 * The version that is written: what was asked for; else the newest that the next agent reads where somebody asks it
 * beforehand; else the newest.
 */
export function writtenState(
  asked: number | null,
  reads: readonly number[] | null,
  policy: Scenario['policy'],
): number {
  if (asked !== null) return asked;
  const newest = STATE_VERSIONS[0];
  return reads === null || policy !== 'check' ? newest : Math.min(newest, Math.max(...reads));
}

/** What the plan does to its guests in the update that begins in `epoch`; null where nothing. */
export function guestDoing(scenario: Planned, epoch: number): Doing | null {
  for (const spec of guestsOf(scenario.steps)) {
    const doing = doingTo(spec, scenario, epoch);
    if (doing !== null) return doing;
  }
  return null;
}

function guestsOf(steps: readonly Step[]): GuestSpec[] {
  return steps.flatMap((step) => (step.op === 'guest-create' ? [step.spec] : []));
}

function doingTo(spec: GuestSpec, { steps, cmdlines, policy }: Planned, epoch: number): Doing | null {
  const before = steps.filter((step) => step.epoch === epoch);
  const after = steps.filter((step) => step.epoch === epoch + 1);
  const own = <Op extends GuestAction['op']>(of: readonly Step[], op: Op) =>
    of.findLast(
      (step): step is Extract<Step, Of<Op>> => isGuestAction(step) && step.op === op && step.guest === spec.name,
    );
  const [save, restore] = [own(before, 'guest-save'), own(after, 'guest-restore')];
  const needs = neededState(spec);
  const version = writtenState(save?.version ?? null, restore?.reads ?? null, policy);
  if (save !== undefined && version < needs)
    return {
      outcome: 'refused',
      reason: `guest ${spec.name} needs version ${needs} of the state; version ${version} cannot carry it`,
    };
  const lost = (reason: string): Doing => ({ outcome: 'lost', reason });
  const closed =
    Object.values(guestFiles(spec.name))
      .map((file) => closedAfter(before, file))
      .find((session) => session !== null) ?? null;
  if (closed !== null) return lost(`session ${closed} is closed before the kexec`);
  if (restore === undefined) return null;
  if (restore.reads !== null && version > Math.max(...restore.reads)) {
    const reason = `the state of guest ${spec.name} is written in version ${version}, the next agent reads ${Math.max(...restore.reads)}`;
    return policy === 'check' ? { outcome: 'refused', reason } : lost(reason);
  }
  if (valuesOf(cmdlines[epoch + 1] ?? '', 'clearcpuid').some((value) => value.split(',').includes('svm')))
    return lost('the next kernel has no KVM to run a guest with');
  for (const file of Object.values(guestFiles(spec.name))) {
    const preserve = before.findLast((step) => step.op === 'preserve' && step.file === file);
    if (preserve?.op !== 'preserve') return lost(`no session is given ${file}`);
    const back = after.find((step) => step.op === 'retrieve' && step.file === file);
    if (back?.op === 'retrieve' && (back.session !== preserve.session || back.token !== preserve.token))
      return { outcome: 'corrupt', reason: `what comes back as ${file} is another guest's` };
  }
  if (save === undefined) return lost(`the state of guest ${spec.name} is never saved`);
  const back = after.findIndex((step) => step.op === 'retrieve');
  if (back >= 0 && after.findIndex(({ op }) => op === 'kill-agent') > back)
    return lost('who asked the guests back is killed with them in its hands');
  return (
    wrongly(spec, restore, before.lastIndexOf(own(before, 'guest-resume') as Step) > before.indexOf(save)) ??
    doingToDevices(spec, after)
  );
}

/** What the VMM does wrong with devices of a guest that is itself made anew as it was. */
function doingToDevices({ name, devices }: GuestSpec, after: readonly Step[]): Doing | null {
  for (const device of devices) {
    const attach = after.find((step) => step.op === 'guest-attach' && step.guest === name && step.device === device);
    if (attach?.op !== 'guest-attach')
      return { outcome: 'lost', reason: `nobody gives ${device} back to guest ${name}` };
    const kept = after.some((step) => step.op === 'device-retrieve' && step.device === device && !step.optional);
    if (kept && attach.reset === true) return { outcome: 'corrupt', reason: `${device} is reset, though it was kept` };
    const map = after.find((step) => step.op === 'device-map' && step.device === device);
    if (map?.op !== 'device-map' || map.map.file !== guestFiles(name).ram || map.map.iova !== 0)
      return { outcome: 'corrupt', reason: `the memory of guest ${name} is not where ${device} is told that it is` };
  }
  return null;
}

/**
 * The session that was given the file and then closed; one of the same name that was asked back may well be closed
 * before.
 */
function closedAfter(before: readonly Step[], file: string): string | null {
  const at = before.findLastIndex((step) => step.op === 'preserve' && step.file === file);
  const preserve = before[at];
  if (preserve?.op !== 'preserve') return null;
  return before
    .slice(at)
    .some((step) => step.op === 'close' && step.target.kind === 'session' && step.target.name === preserve.session)
    ? preserve.session
    : null;
}

function wrongly(spec: GuestSpec, restore: Of<'guest-restore'>, ranOn: boolean): Doing | null {
  const corrupt = (reason: string): Doing => ({ outcome: 'corrupt', reason });
  if (restore.skip.includes('cpuid'))
    return { outcome: 'lost', reason: 'KVM refuses system registers of a guest whose CPUID is not set' };
  const missed = restore.skip.find((part) => MISSED.includes(part));
  if (missed !== undefined) return corrupt(`${missed} of guest ${spec.name} is not restored`);
  if (ranOn) return corrupt(`guest ${spec.name} runs on after its state was saved`);
  return restore.ram === guestFiles(spec.name).ram
    ? null
    : corrupt(`guest ${spec.name} is made anew with another one's memory`);
}
