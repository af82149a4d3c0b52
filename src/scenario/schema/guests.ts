// SPDX-License-Identifier: Apache-2.0
// Guests, as they are written in a scenario: in the short form as part of a session, in the explicit form as steps.
import { z } from 'zod';
import { GUEST_FEATURES, GUEST_KINDS, MAX_DEVICES, STATE_PARTS } from '../../model/scenario/guest.js';
import { LIMITS } from './limits.js';
import { count, errno, line, mapping, seed, size, token, whole } from './values.js';

/** When a session is given a guest's memfds. */
export const PRESERVE_TIMES = ['running', 'paused'] as const;

const version = whole('a version of the state').min(1).max(1000);

const traits = {
  kind: z
    .enum(GUEST_KINDS)
    .default('bare')
    .describe(
      "bare: the lab's own program, which chains its pages together; linux: the next kernel's own image with a user space that checks itself",
    ),
  size: size.describe('RAM, in whole pages'),
  vcpus: whole()
    .min(1)
    .max(LIMITS.guestCpus)
    .default(1)
    .describe('Virtual CPUs; more than one need version 2 of the state'),
  seed: seed.optional(),
  devices: z
    .array(line("a device's name"))
    .max(MAX_DEVICES, { error: `expected at most ${MAX_DEVICES} devices in a guest` })
    .default([])
    .describe('Devices that it has: edu, behind an IOMMU, each of one guest only; they need version 3 of the state'),
  features: z
    .array(z.enum(GUEST_FEATURES))
    .default([])
    .describe('What it uses that not every version of the state carries'),
};

export const guest = mapping({
  name: line("a guest's name")
    .optional()
    .describe('Name within the session; {i} is the number of the copy. By default guest, or guest-{i}'),
  ...traits,
  count: count.default(1).describe('How many such guests'),
  token: token
    .optional()
    .describe("Token of the first copy's RAM; its state has the next one. By default the next after the files"),
  preserve: z
    .enum(PRESERVE_TIMES)
    .default('running')
    .describe('running: the session is given its memfds while it runs; paused: once it stands still'),
  version: version.optional().describe("Version of the state's form that is written; by default the newest"),
  reads: z.array(version).min(1).optional().describe('Versions of it that the next agent is to know; by default all'),
});

export type GuestInput = z.output<typeof guest>;

const common = { errno: errno.optional() };
const name = line('the name of a guest');
const onGuest = z.union([name, mapping({ guest: name, ...common })]);
const file = line('the name of a file');

/** Steps on guests, for the explicit form. */
export const guestOperations = {
  'guest-create': mapping({ guest: name, ...traits, ...common })
    .optional()
    .describe('Make a guest; its memfds are the files GUEST.ram and GUEST.state'),
  'guest-run': onGuest.optional().describe('Start a guest that was made'),
  'guest-wait': mapping({ guest: name, ticks: whole().min(1).max(1_000_000), ...common })
    .optional()
    .describe('Wait until the guest has done so many ticks more'),
  'guest-pause': onGuest.optional().describe('Stop all vCPUs of a guest'),
  'guest-save': z
    .union([
      name,
      mapping({
        guest: name,
        version: version.optional().describe("Version of the state's form; by default the newest"),
        ...common,
      }),
    ])
    .optional()
    .describe("Write the guest's state into its state file"),
  'guest-restore': z
    .union([
      name,
      mapping({
        guest: name,
        ram: file.optional().describe('Its RAM; by default GUEST.ram'),
        state: file.optional().describe('Its state; by default GUEST.state'),
        skip: z.array(z.enum(STATE_PARTS)).default([]).describe('Parts of the state that are left out on purpose'),
        reads: z
          .array(version)
          .min(1)
          .optional()
          .describe('Versions of the state that the agent is to know; by default all'),
        ...common,
      }),
    ])
    .optional()
    .describe('Make a guest anew from its two files; it does not run yet'),
  'guest-attach': mapping({
    guest: name,
    device: name,
    reset: z.boolean().optional().describe('Is it put into its first state? By default if this kernel opened it anew'),
    ...common,
  })
    .optional()
    .describe("Give a device, open and with the guest's RAM mapped at IOVA 0, to a guest that stands still"),
  'guest-resume': onGuest.optional().describe('Let a guest go on that was paused or made anew'),
  'guest-check': onGuest.optional().describe('Look at a guest from inside and from outside; it must go on'),
  'guest-close': onGuest.optional().describe('End a guest; its files stay'),
};
