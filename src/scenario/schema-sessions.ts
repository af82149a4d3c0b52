// SPDX-License-Identifier: Apache-2.0
// The short form: sessions and the files they carry.
import { z } from 'zod';
import { SEALS } from '../model/scenario.js';
import { count, hole, line, mapping, seed, size, token, whole } from './values.js';

/** What a memfd is made of, apart from its name and size; the same words in the short form and in steps. */
export const memfdTraits = {
  seed: seed.optional(),
  holes: z.array(hole).default([]).describe('Pages that are never written'),
  huge: z.boolean().default(false).describe('Ask for huge folios (MADV_HUGEPAGE)'),
  seals: z.array(z.enum(SEALS)).default([]).describe('Seals that are set after it is filled'),
  position: whole().min(0).default(0).describe('File position in bytes'),
};

export const sessionFile = mapping({
  memfd: size.describe('Size of the memfd'),
  name: line('a file\'s name').optional().describe('Name; {i} is the number of the copy. By default its token'),
  token: token.optional().describe('Token of the first copy; by default its place in the session, counted from 1'),
  count: count.default(1).describe('How many such files'),
  ...memfdTraits,
});

export const session = mapping({
  name: line('a session\'s name').describe('Name; {i} is the number of the copy'),
  count: count.default(1).describe('How many such sessions'),
  files: z.array(sessionFile).default([]).describe('What the session carries'),
  retrieve: z.boolean().default(true).describe('Is it asked back after the kexec'),
  finish: z.boolean().default(true).describe('Is it finished and closed after it was asked back'),
});

export type SessionInput = z.output<typeof session>;
export type SessionFileInput = z.output<typeof sessionFile>;
