// SPDX-License-Identifier: Apache-2.0
// Asks a running QEMU which rows of the table it has.
import { z } from 'zod';
import type { DevicePlan } from '../../model/scenario/device.js';
import type { Witness } from '../../model/result/witness.js';
import { printable } from '../../util/text/escape.js';
import { ANSWERS, TRACES, type TraceFeature } from './table.js';

/** Something that this QEMU does not have, or that the lab does not understand. */
export interface MissingFeature {
  blinds: readonly Witness[];
  why: string;
  hint: string;
}

export interface Asked {
  /** Runs a command of QMP. Rejects if QEMU refuses it. */
  run: (name: string, args: Record<string, unknown>) => Promise<unknown>;
  /** Runs a command of the human monitor. */
  human: (line: string) => Promise<string>;
}

export const OTHER_QEMU = 'put another QEMU first in PATH; docs/hosts.md lists those that are tried';
const eventStates = z.array(z.object({ name: z.string(), state: z.string() }));

export function tracesOf({ iommu, devices }: DevicePlan): readonly TraceFeature[] {
  return [...(iommu.kind === 'none' ? [] : TRACES[iommu.kind]), ...(devices.length > 0 ? TRACES.devices : [])];
}

/** @param traced the devices that QEMU was told to trace; null for none */
export async function missingFeatures(qemu: Asked, traced: DevicePlan | null): Promise<MissingFeature[]> {
  const needed = traced === null ? [] : tracesOf(traced).filter(({ shows }) => shows !== null);
  const found = await Promise.all([
    ...ANSWERS.map(async ({ ask, shows, understood, blinds }): Promise<MissingFeature | null> => {
      const answer = await qemu.human(ask);
      if (understood(answer)) return null;
      const start = printable(answer.trim(), 80) || 'nothing';
      return {
        blinds,
        why: `\`${ask}\` of this QEMU, which shows ${shows}, is not understood: ${start}`,
        hint: OTHER_QEMU,
      };
    }),
    ...needed.map(async ({ event, shows }): Promise<MissingFeature | null> => {
      const state = await stateOf(qemu, event);
      if (state === 'enabled') return null;
      return {
        blinds: ['iommu'],
        why: `the trace event ${event} of QEMU, which shows ${shows}, is ${state}`,
        hint: OTHER_QEMU,
      };
    }),
  ]);
  return found.filter((each) => each !== null);
}

/** QEMU answers an error for a name that it does not know, and an empty list for a pattern. */
async function stateOf(qemu: Asked, event: string): Promise<'enabled' | 'not enabled' | 'missing'> {
  const answer: unknown = await qemu.run('trace-event-get-state', { name: event }).catch(() => []);
  const states = eventStates.safeParse(answer);
  if (!states.success || states.data.length === 0) return 'missing';
  return states.data.some(({ state }) => state === 'enabled') ? 'enabled' : 'not enabled';
}
