// SPDX-License-Identifier: Apache-2.0
// Guests in a scenario: part of a session in the short form, steps in the explicit form.
import { z } from 'zod';
import { GUEST_FEATURES, GUEST_KINDS, MAX_DEVICES, STATE_PARTS } from '../../model/scenario/guest.js';
import { LIMITS } from './limits.js';
import { count, errno, line, mapping, seed, size, token, whole } from './values.js';

/** When to preserve a guest's memfds. */
export const PRESERVE_TIMES = ['running', 'paused'] as const;

const version = whole('a version of the state').min(1).max(1000);

const traits = {
  kind: z
    .enum(GUEST_KINDS)
    .default('bare')
    .describe(
      "bare: the lab's own program, which links its pages into a hash chain; linux: the next " +
        "kernel's own image with a user space that checks itself",
    ),
  size: size.describe('RAM, a multiple of the page size'),
  vcpus: whole()
    .min(1)
    .max(LIMITS.guestCpus)
    .default(1)
    .describe('Virtual CPUs; more than one needs version 2 of the state'),
  seed: seed.optional(),
  devices: z
    .array(line("a device's name"))
    .max(MAX_DEVICES, { error: `expected at most ${MAX_DEVICES} devices in a guest` })
    .default([])
    .describe('Its devices: edu behind an IOMMU, each for one guest only; they need version 3 of the state'),
  features: z
    .array(z.enum(GUEST_FEATURES))
    .default([])
    .describe('Features that not every version of the state carries'),
};

export const guest = mapping({
  name: line("a guest's name")
    .optional()
    .describe('Name in the session; {i} is the number of the copy. By default guest, or guest-{i}'),
  ...traits,
  count: count.default(1).describe('Number of such guests'),
  token: token
    .optional()
    .describe("Token of the first copy's RAM; its state has the next one. By default the next one after the files"),
  preserve: z
    .enum(PRESERVE_TIMES)
    .default('running')
    .describe('running: preserve its memfds while it runs; paused: preserve them after the pause'),
  version: version.optional().describe('Version of the state format to write; by default the newest'),
  reads: z
    .array(version)
    .min(1)
    .optional()
    .describe('Versions of the state format that the next agent accepts; by default all'),
});

export type GuestInput = z.output<typeof guest>;

const common = { errno: errno.optional() };
const name = line('the name of a guest');
const onGuest = z.union([name, mapping({ guest: name, ...common })]);
const file = line('the name of a file');

/** Steps on guests in the explicit form. */
export const guestOperations = {
  'guest-create': mapping({ guest: name, ...traits, ...common })
    .optional()
    .describe('Create a guest; its memfds are the files GUEST.ram and GUEST.state'),
  'guest-run': onGuest.optional().describe('Start a new guest'),
  'guest-wait': mapping({ guest: name, ticks: whole().min(1).max(1_000_000), ...common })
    .optional()
    .describe('Wait until the guest has done this many more ticks'),
  'guest-pause': onGuest.optional().describe('Stop all vCPUs of a guest'),
  'guest-save': z
    .union([
      name,
      mapping({
        guest: name,
        version: version.optional().describe('Version of the state format; by default the newest'),
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
        skip: z.array(z.enum(STATE_PARTS)).default([]).describe('Parts of the state to leave out'),
        reads: z
          .array(version)
          .min(1)
          .optional()
          .describe('Versions of the state format that the agent accepts; by default all'),
        ...common,
      }),
    ])
    .optional()
    .describe('Restore a guest from its two files; it does not run yet'),
  'guest-attach': mapping({
    guest: name,
    device: name,
    reset: z.boolean().optional().describe('Reset the device; by default only if this kernel opened it'),
    ...common,
  })
    .optional()
    .describe("Add a device, open and with the guest's RAM mapped at IOVA 0, to a paused guest"),
  'guest-resume': onGuest.optional().describe('Resume a paused or restored guest'),
  'guest-check': onGuest.optional().describe('Check a guest from inside and from outside; it must make progress'),
  'guest-close': onGuest.optional().describe('End a guest; its files stay'),
};
