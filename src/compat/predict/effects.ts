// SPDX-License-Identifier: Apache-2.0
// The effect of a scenario's own steps on an update: it may call it off, hand nothing over, or retrieve nothing.
import type { Outcome } from '../../model/result/outcome.js';
import type { Scenario, Step } from '../../model/scenario/scenario.js';
import { valuesOf } from '../binary/cmdline.js';
import { deviceEffectOf } from './device-effects.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import type { ScenarioEffect } from './scenario-effect.js';
import { componentOf, writtenBy } from '../versions/versions.js';

type Planned = Pick<Scenario, 'steps' | 'cmdlines'>;

/** The first version of memfd that carries seals (mm/memfd_luo.c, 6.19 and 7.1). */
const SEALS_SINCE = 2;

/** Values of labobj.misbehave= for the old kernel (epoch 0) and the next one (lab/kernel/object). */
const MISBEHAVES: Readonly<Record<string, { epoch: 0 | 1; outcome: Outcome; reason: string }>> = {
  preserve: {
    epoch: 0,
    outcome: 'refused',
    reason: 'labobj.misbehave makes the old kernel fail to preserve an object',
  },
  freeze: {
    epoch: 0,
    outcome: 'refused',
    reason: 'labobj.misbehave makes the old kernel fail to freeze an object, so it refuses the kexec',
  },
  layout: {
    epoch: 0,
    outcome: 'corrupt',
    reason: 'labobj.misbehave makes the old kernel write an object in another layout than its version says',
  },
  retrieve: { epoch: 1, outcome: 'leak', reason: 'labobj.misbehave makes the next kernel fail to retrieve an object' },
  'finish-leak': {
    epoch: 1,
    outcome: 'leak',
    reason: 'labobj.misbehave makes the next kernel free nothing of an object',
  },
};

/** True if the scenario calls off the update that starts in `epoch`. */
export function callsOff({ steps }: Pick<Planned, 'steps'>, epoch: number): boolean {
  return steps.some((step) => step.op === 'abort' && step.epoch === epoch);
}

/** The effect on the update that starts in `epoch`; null if there is none. */
export function scenarioEffectOf(scenario: Planned, from: KernelFacts, epoch: number): ScenarioEffect | null {
  const before = scenario.steps.filter((step) => step.epoch === epoch);
  const after = scenario.steps.filter((step) => step.epoch === epoch + 1);
  const preserved = preservedSessions(before);
  if (preserved.length === 0) return deviceEffectOf(scenario, from, epoch);
  return (
    misbehaviour(scenario, before, epoch) ??
    emptyHandover(before) ??
    deviceEffectOf(scenario, from, epoch) ??
    lostSeals(scenario, from, before) ??
    missingRetrieve(preserved, after)
  );
}

function misbehaviour({ cmdlines, steps }: Planned, before: readonly Step[], epoch: number): ScenarioEffect | null {
  if (!steps.some(({ op }) => op === 'object') || before.length === 0) return null;
  for (const at of [0, 1] as const) {
    const value = valuesOf(cmdlines[epoch + at] ?? '', 'labobj.misbehave').at(-1) ?? '';
    const effect = Object.hasOwn(MISBEHAVES, value) ? MISBEHAVES[value] : undefined;
    if (effect?.epoch === at) return effect;
  }
  return null;
}

/** The next kernel is loaded with kexec_load, so it gets no handover and boots in all of the memory. */
export function usesKexecLoad({ steps }: { steps: readonly Step[] }, epoch: number): boolean {
  const load = steps.findLast((step) => step.op === 'load' && step.epoch === epoch);
  return load?.op === 'load' && load.via === 'legacy';
}

function emptyHandover(before: readonly Step[]): ScenarioEffect | null {
  if (before.some(({ epoch }) => usesKexecLoad({ steps: before }, epoch)))
    return { outcome: 'lost', reason: 'kexec_load hands nothing over' };
  const killed = before.findLastIndex(({ op }) => op === 'kill-agent');
  return killed >= 0 && !before.slice(killed).some(({ op }) => op === 'preserve')
    ? { outcome: 'lost', reason: 'the session holder is killed: its sessions are closed, and hand nothing over' }
    : null;
}

function lostSeals({ steps }: Planned, from: KernelFacts, before: readonly Step[]): ScenarioEffect | null {
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

/** Sessions with files at the kexec. */
function preservedSessions(before: readonly Step[]): string[] {
  const held = new Set<string>();
  for (const step of before) {
    if (step.op === 'preserve') held.add(step.session);
    else if (step.op === 'close' && step.target.kind === 'session') held.delete(step.target.name);
  }
  return [...held];
}

function missingRetrieve(sessions: readonly string[], after: readonly Step[]): ScenarioEffect | null {
  const does = (op: 'retrieve-session' | 'finish', session: string) =>
    after.some((step) => step.op === op && step.session === session);
  for (const session of sessions) {
    if (!does('retrieve-session', session)) return { outcome: 'leak', reason: `no step retrieves session ${session}` };
    if (!does('finish', session))
      return { outcome: 'leak', reason: `no step finishes session ${session}, so the data that describes it stays` };
  }
  return null;
}
