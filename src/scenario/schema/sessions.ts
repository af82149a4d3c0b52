// SPDX-License-Identifier: Apache-2.0
// The short form: sessions and their files.
import { z } from 'zod';
import { MEMFD_FLAGS, SEALS } from '../../model/scenario/file-steps.js';
import { LIMITS } from './limits.js';
import { guest } from './guests.js';
import { count, hole, line, mapping, seed, sessionName, size, token, whole } from './values.js';

/** The traits of a memfd besides name and size, in the short form and in steps. */
export const memfdTraits = {
  seed: seed.optional(),
  holes: z.array(hole).default([]).describe('Pages that are never written'),
  huge: z.boolean().default(false).describe('Ask for huge folios (MADV_HUGEPAGE)'),
  seals: z.array(z.enum(SEALS)).default([]).describe('Seals to set after filling it'),
  flags: z
    .array(z.enum(MEMFD_FLAGS))
    .default([])
    .describe('Flags for creating it: noexec is MFD_NOEXEC_SEAL, exec MFD_EXEC, hugetlb MFD_HUGETLB'),
  position: whole().min(0).default(0).describe('File position in bytes'),
};

/** The traits of an object besides its pages. */
export const objectTraits = {
  seed: seed.optional(),
  array: size.optional().describe('Size of its array; more than 64KiB needs version 4'),
  state: whole()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Its state, a number; more than 32 bits needs version 2'),
  label: line('a label')
    .refine((text) => Buffer.byteLength(text) <= LIMITS.label, {
      error: `expected a label of at most ${LIMITS.label} bytes`,
    })
    .optional()
    .describe('Its label, which needs version 3'),
};

/** A file has exactly one of memfd and object, and only traits of that kind (short/plan-sessions.ts checks this). */
export const sessionFile = mapping({
  memfd: size.optional().describe('Size of the memfd'),
  object: size.optional().describe('Size of the pages of a lab object (/dev/labobj)'),
  name: line("a file's name").optional().describe('Name; {i} is the number of the copy. By default its token'),
  token: token.optional().describe('Token of the first copy; by default its position in the session, from 1'),
  count: count.default(1).describe('Number of such files'),
  ...memfdTraits,
  ...objectTraits,
});

export const session = mapping({
  name: sessionName.describe('Name; {i} is the number of the copy'),
  count: count.default(1).describe('Number of such sessions'),
  files: z.array(sessionFile).default([]).describe('Files in the session'),
  guests: z.array(guest).default([]).describe('Virtual machines in the machine, with RAM and state in the session'),
  retrieve: z.boolean().default(true).describe('Retrieve it after the kexec'),
  finish: z.boolean().default(true).describe('Finish and close it after retrieving it'),
});

export type SessionInput = z.output<typeof session>;
export type SessionFileInput = z.output<typeof sessionFile>;
