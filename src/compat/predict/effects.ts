// SPDX-License-Identifier: Apache-2.0
// What a scenario itself does to an update that both kernels would carry through: calls it off, hands nothing over,
// takes nothing back.
import type { Outcome } from '../../model/result/outcome.js';
import type { Scenario, Step } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import { deviceDoingOf } from './device-effects.js';
import type { KernelFacts } from './predict.js';
import { componentOf, writtenBy } from '../versions.js';

export interface Doing {
  outcome: Outcome;
  reason: string;
}

type Planned = Pick<Scenario, 'steps' | 'cmdlines'>;

/** Bits of the seals: only a memfd-v2 and later carries them (mm/memfd_luo.c, 6.19 and 7.1). */
const SEALS_SINCE = 2;

/** labobj.misbehave= of the old kernel and of the next one (lab/kernel/object). */
const MISBEHAVES: Readonly<Record<string, { epoch: 0 | 1; outcome: Outcome; reason: string }>> = {
  preserve: { epoch: 0, outcome: 'refused', reason: 'the old kernel is told to fail to preserve an object' },
  freeze: {
    epoch: 0,
    outcome: 'refused',
    reason: 'the old kernel is told to fail to freeze an object, so the kexec is refused',
  },
  layout: {
    epoch: 0,
    outcome: 'corrupt',
    reason: 'the old kernel is told to write an object in another layout than its version says',
  },
  retrieve: { epoch: 1, outcome: 'leak', reason: 'the next kernel is told to fail to retrieve an object' },
  'finish-leak': { epoch: 1, outcome: 'leak', reason: 'the next kernel is told to give nothing of an object back' },
};

/** True where the scenario calls the update that begins in `epoch` off by itself. */
export function callsOff({ steps }: Pick<Planned, 'steps'>, epoch: number): boolean {
  return steps.some((step) => step.op === 'abort' && step.epoch === epoch);
}

/** What the plan does to the update that begins in `epoch`; null where nothing. */
export function doingOf(scenario: Planned, from: KernelFacts, epoch: number): Doing | null {
  const before = scenario.steps.filter((step) => step.epoch === epoch);
  const after = scenario.steps.filter((step) => step.epoch === epoch + 1);
  const preserved = handedIn(before);
  if (preserved.length === 0) return deviceDoingOf(scenario, from, epoch);
  return (
    misbehaviour(scenario, before, epoch) ??
    handsNothingOver(before) ??
    deviceDoingOf(scenario, from, epoch) ??
    losesSeals(scenario, from, before) ??
    takesNotBack(preserved, after)
  );
}

function misbehaviour({ cmdlines, steps }: Planned, before: readonly Step[], epoch: number): Doing | null {
  if (!steps.some(({ op }) => op === 'object') || before.length === 0) return null;
  for (const at of [0, 1] as const) {
    const told = valuesOf(cmdlines[epoch + at] ?? '', 'labobj.misbehave').at(-1) ?? '';
    const doing = Object.hasOwn(MISBEHAVES, told) ? MISBEHAVES[told] : undefined;
    if (doing?.epoch === at) return doing;
  }
  return null;
}

/** The next kernel is loaded with kexec_load: it is told of no handover, and boots in all of the memory. */
export function loadsTheOldWay({ steps }: { steps: readonly Step[] }, epoch: number): boolean {
  const load = steps.findLast((step) => step.op === 'load' && step.epoch === epoch);
  return load?.op === 'load' && load.via === 'legacy';
}

function handsNothingOver(before: readonly Step[]): Doing | null {
  if (before.some(({ epoch }) => loadsTheOldWay({ steps: before }, epoch)))
    return { outcome: 'lost', reason: 'kexec_load hands nothing over' };
  const killed = before.findLastIndex(({ op }) => op === 'kill-agent');
  return killed >= 0 && !before.slice(killed).some(({ op }) => op === 'preserve')
    ? { outcome: 'lost', reason: 'who held the sessions is killed: they are closed, and hand nothing over' }
    : null;
}

function losesSeals({ steps }: Planned, from: KernelFacts, before: readonly Step[]): Doing | null {
  const memfd = componentOf(from.versions, 'memfd');
  const wrote = writtenBy(memfd);
  if (wrote === null || wrote.some((version) => version >= SEALS_SINCE)) return null;
  const sealed = steps.some(
    (step) =>
      step.op === 'memfd' &&
      step.memfd.seals.length > 0 &&
      before.some((each) => each.op === 'preserve' && each.file === step.memfd.file),
  );
  return sealed
    ? { outcome: 'corrupt', reason: `memfd-v${wrote.join(' or v')} does not carry the seals of a memfd` }
    : null;
}

/** Sessions with something in them as the kexec comes. */
function handedIn(before: readonly Step[]): string[] {
  const held = new Set<string>();
  for (const step of before) {
    if (step.op === 'preserve') held.add(step.session);
    else if (step.op === 'close' && step.target.kind === 'session') held.delete(step.target.name);
  }
  return [...held];
}

function takesNotBack(sessions: readonly string[], after: readonly Step[]): Doing | null {
  const does = (op: 'retrieve-session' | 'finish', session: string) =>
    after.some((step) => step.op === op && step.session === session);
  for (const session of sessions) {
    if (!does('retrieve-session', session)) return { outcome: 'leak', reason: `nobody asks session ${session} back` };
    if (!does('finish', session))
      return { outcome: 'leak', reason: `nobody finishes session ${session}: what describes it stays` };
  }
  return null;
}
