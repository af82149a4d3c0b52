// SPDX-License-Identifier: Apache-2.0
// The short form: sessions and the files they carry.
import { z } from 'zod';
import { MEMFD_FLAGS, SEALS } from '../../model/scenario/file-steps.js';
import { LIMITS } from './limits.js';
import { guest } from './guests.js';
import { count, hole, line, mapping, seed, sessionName, size, token, whole } from './values.js';

/** What a memfd is made of, apart from its name and size; the same words in the short form and in steps. */
export const memfdTraits = {
  seed: seed.optional(),
  holes: z.array(hole).default([]).describe('Pages that are never written'),
  huge: z.boolean().default(false).describe('Ask for huge folios (MADV_HUGEPAGE)'),
  seals: z.array(z.enum(SEALS)).default([]).describe('Seals that are set after it is filled'),
  flags: z
    .array(z.enum(MEMFD_FLAGS))
    .default([])
    .describe('How it is created: noexec is MFD_NOEXEC_SEAL, exec MFD_EXEC, hugetlb MFD_HUGETLB'),
  position: whole().min(0).default(0).describe('File position in bytes'),
};

/** What an object is made of besides its pages. */
export const objectTraits = {
  seed: seed.optional(),
  array: size.optional().describe('Bytes of its array; more than 64KiB need version 4'),
  state: whole()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Its state, a number; more than 32 bits need version 2'),
  label: line('a label')
    .refine((text) => Buffer.byteLength(text) <= LIMITS.label, {
      error: `expected a label of at most ${LIMITS.label} bytes`,
    })
    .optional()
    .describe('Its label; any needs version 3'),
};

/** Exactly one of memfd and object is given, and only traits of that kind (short.ts). */
export const sessionFile = mapping({
  memfd: size.optional().describe('Size of the memfd'),
  object: size.optional().describe('An object of the lab, /dev/labobj, with this many bytes of pages'),
  name: line("a file's name").optional().describe('Name; {i} is the number of the copy. By default its token'),
  token: token.optional().describe('Token of the first copy; by default its place in the session, counted from 1'),
  count: count.default(1).describe('How many such files'),
  ...memfdTraits,
  ...objectTraits,
});

export const session = mapping({
  name: sessionName.describe('Name; {i} is the number of the copy'),
  count: count.default(1).describe('How many such sessions'),
  files: z.array(sessionFile).default([]).describe('What the session carries'),
  guests: z
    .array(guest)
    .default([])
    .describe('Virtual machines inside the machine whose RAM and state the session carries'),
  retrieve: z.boolean().default(true).describe('Is it asked back after the kexec'),
  finish: z.boolean().default(true).describe('Is it finished and closed after it was asked back'),
});

export type SessionInput = z.output<typeof session>;
export type SessionFileInput = z.output<typeof sessionFile>;
