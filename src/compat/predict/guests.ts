// SPDX-License-Identifier: Apache-2.0
// The effect of a scenario on its guests in an update that both kernels could complete: the version of the state that
// they need, and mistakes of a VMM.
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
import type { ScenarioEffect } from './scenario-effect.js';

type Planned = Pick<Scenario, 'steps' | 'cmdlines' | 'policy'>;
type Of<Op extends GuestAction['op']> = Extract<GuestAction, { op: Op }>;

/** Without one of these parts, the bare guest finds wrong state or stops. Without CPUID, KVM refuses the rest. */
const NEEDED_PARTS: readonly StatePart[] = ['regs', 'sregs', 'xsave', 'msrs', 'lapic', 'tsc', 'debugregs'];

/**
 * The lowest version of the state format that can carry the guest (lab/agent/guest/state.c). Saving in a lower one
 * fails with EOPNOTSUPP.
 */
export function neededState({ vcpus, features, devices }: Pick<GuestSpec, 'vcpus' | 'features' | 'devices'>): number {
  if (devices.length > 0) return 3;
  return vcpus > 1 || features.includes('debugregs') ? 2 : 1;
}

/**
 * The version that the agent writes: the requested one; otherwise, with the policy `check`, the newest that the next
 * agent reads; otherwise the newest.
 */
export function writtenState(
  requested: number | null,
  reads: readonly number[] | null,
  policy: Scenario['policy'],
): number {
  if (requested !== null) return requested;
  const newest = STATE_VERSIONS[0];
  return reads === null || policy !== 'check' ? newest : Math.min(newest, Math.max(...reads));
}

/** The effect on the guests in the update that starts in `epoch`; null if there is none. */
export function guestEffectOf(scenario: Planned, epoch: number): ScenarioEffect | null {
  for (const spec of guestsOf(scenario.steps)) {
    const effect = effectOn(spec, scenario, epoch);
    if (effect !== null) return effect;
  }
  return null;
}

function guestsOf(steps: readonly Step[]): GuestSpec[] {
  return steps.flatMap((step) => (step.op === 'guest-create' ? [step.spec] : []));
}

function effectOn(spec: GuestSpec, { steps, cmdlines, policy }: Planned, epoch: number): ScenarioEffect | null {
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
  const lost = (reason: string): ScenarioEffect => ({ outcome: 'lost', reason });
  const closed =
    Object.values(guestFiles(spec.name))
      .map((file) => closedAfter(before, file))
      .find((session) => session !== null) ?? null;
  if (closed !== null) return lost(`session ${closed} is closed before the kexec`);
  if (restore === undefined) return null;
  if (restore.reads !== null && version > Math.max(...restore.reads)) {
    const newest = Math.max(...restore.reads);
    const reason = `the state of guest ${spec.name} has version ${version}, but the next agent reads up to ${newest}`;
    return policy === 'check' ? { outcome: 'refused', reason } : lost(reason);
  }
  if (valuesOf(cmdlines[epoch + 1] ?? '', 'clearcpuid').some((value) => value.split(',').includes('svm')))
    return lost('the next kernel has no KVM for the guest');
  for (const file of Object.values(guestFiles(spec.name))) {
    const preserve = before.findLast((step) => step.op === 'preserve' && step.file === file);
    if (preserve?.op !== 'preserve') return lost(`no session preserves ${file}`);
    const back = after.find((step) => step.op === 'retrieve' && step.file === file);
    if (back?.op === 'retrieve' && (back.session !== preserve.session || back.token !== preserve.token))
      return { outcome: 'corrupt', reason: `${file} is retrieved from another guest` };
  }
  if (save === undefined) return lost(`the state of guest ${spec.name} is never saved`);
  const back = after.findIndex((step) => step.op === 'retrieve');
  if (back >= 0 && after.findIndex(({ op }) => op === 'kill-agent') > back)
    return lost('the agent is killed after it retrieved the guests');
  return (
    mistake(spec, restore, {
      resumed: before.lastIndexOf(own(before, 'guest-resume') as Step) > before.indexOf(save),
    }) ?? effectOnDevices(spec, after)
  );
}

/** The VMM's mistakes with the devices of a guest that is itself restored correctly. */
function effectOnDevices({ name, devices }: GuestSpec, after: readonly Step[]): ScenarioEffect | null {
  for (const device of devices) {
    const attach = after.find((step) => step.op === 'guest-attach' && step.guest === name && step.device === device);
    if (attach?.op !== 'guest-attach')
      return { outcome: 'lost', reason: `no step attaches ${device} to guest ${name} again` };
    const kept = after.some((step) => step.op === 'device-retrieve' && step.device === device && !step.optional);
    if (kept && attach.reset === true) return { outcome: 'corrupt', reason: `${device} is reset although it was kept` };
    const map = after.find((step) => step.op === 'device-map' && step.device === device);
    if (map?.op !== 'device-map' || map.map.file !== guestFiles(name).ram || map.map.iova !== 0)
      return { outcome: 'corrupt', reason: `the memory of guest ${name} is not mapped for ${device} at its address` };
  }
  return null;
}

/** The session that is closed after it preserved the file. A retrieved one of the same name may be closed before. */
function closedAfter(before: readonly Step[], file: string): string | null {
  const index = before.findLastIndex((step) => step.op === 'preserve' && step.file === file);
  const preserve = before[index];
  if (preserve?.op !== 'preserve') return null;
  return before
    .slice(index)
    .some((step) => step.op === 'close' && step.target.kind === 'session' && step.target.name === preserve.session)
    ? preserve.session
    : null;
}

/** The VMM's mistakes with the guest itself. `resumed`: it ran again after the save. */
function mistake(
  spec: GuestSpec,
  restore: Of<'guest-restore'>,
  { resumed }: { resumed: boolean },
): ScenarioEffect | null {
  const corrupt = (reason: string): ScenarioEffect => ({ outcome: 'corrupt', reason });
  if (restore.skip.includes('cpuid'))
    return { outcome: 'lost', reason: 'KVM refuses the system registers of a guest without CPUID' };
  const skipped = restore.skip.find((part) => NEEDED_PARTS.includes(part));
  if (skipped !== undefined) return corrupt(`${skipped} of guest ${spec.name} is not restored`);
  if (resumed) return corrupt(`guest ${spec.name} runs again after its state was saved`);
  return restore.ram === guestFiles(spec.name).ram
    ? null
    : corrupt(`guest ${spec.name} is restored with another guest's memory`);
}
