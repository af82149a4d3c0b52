// SPDX-License-Identifier: Apache-2.0
// Schema of the guests in result.json (model/result/guest-result.ts).
import { z } from 'zod';
import { RECOVERIES } from '../../model/scenario/scenario.js';
import { GUEST_KINDS } from '../../model/scenario/guest.js';
import { DOWNTIME_PHASES, GUEST_FATES } from '../../model/result/guest-result.js';

const count = z.number().int().min(0);
const ms = z.number().describe('Milliseconds');
const chain = z.object({ pages: count, bad: count, ticks: z.number(), links: z.number() }).nullable();

const counts = z
  .object({ done: count, wrong: count, unended: count, cut: count, resets: count, gone: count })
  .nullable();

export const guestResult = z.object({
  name: z.string(),
  kind: z.enum(GUEST_KINDS),
  vcpus: count,
  size: count,
  session: z.string().nullable(),
  epoch: count,
  state: z.enum(GUEST_FATES),
  firstBad: z.object({ page: count, what: z.string() }).nullable(),
  ticks: z.object({ before: z.number().nullable(), after: z.number().nullable() }),
  chain: z
    .object({ before: chain, arrival: chain, after: chain })
    .describe('Recomputed from outside: before the kexec, after it, once the guest had gone on'),
  clock: z.object({ advanced: ms, expected: ms, jump: ms }).nullable(),
  bootId: z.object({ before: z.string(), after: z.string() }).nullable(),
  downtime: ms.nullable(),
  downtimeInside: ms.nullable(),
  devices: z
    .array(
      z.object({
        device: z.string(),
        carried: z.enum(['kept', 'recreated', 'lost']).nullable(),
        before: counts,
        after: counts,
      }),
    )
    .default([])
    .describe('What the guest itself counted of devices that it has'),
  needs: count.nullable(),
  pagesLeaked: count,
  pagesLost: count,
  problems: z.array(z.string()),
});

export const downtimeResult = z.object({
  epoch: count,
  ms,
  phases: z.array(z.object({ phase: z.enum(DOWNTIME_PHASES), ms })),
  guests: count,
  mib: z.number(),
  perGuest: ms,
  perMib: ms,
  longest: z.object({ guest: z.string(), ms }).nullable(),
  looks: ms.describe('The machine was held still meanwhile: no part of the downtime'),
});

export const impairedResult = z.object({ pagesLeaked: count, guests: z.array(z.string()) });

export const recoveryResult = z.object({
  how: z.enum(RECOVERIES),
  ms,
  pagesLeaked: z.object({ before: count, after: count.nullable() }),
  pagesGivenBack: count,
  managed: z.object({ first: count.nullable(), before: count.nullable(), after: count.nullable() }),
  guestsSurvived: z.array(z.string()),
  guestsLost: z.array(z.string()),
  problems: z.array(z.string()),
  notKnown: z
    .string()
    .nullable()
    .default(null)
    .describe('Why the lab or its host could not go through with it; null where they could'),
});
