// SPDX-License-Identifier: Apache-2.0
// The explicit form: steps on files and sessions that exist already.
import { z } from 'zod';
import { ACCESSES, FALLOCATES, SEALS } from '../../model/scenario/file-steps.js';
import { callCommon as common } from './clients.js';
import { hole, line, mapping, seed, sessionName, size, whole } from './values.js';

const file = line('the name of a file');

export const fileOperations = {
  write: mapping({
    file,
    seed: seed.describe('Seed of the new content, 32 bits'),
    pages: hole.optional().describe('The pages to write; by default all pages of the file'),
    ...common,
  })
    .optional()
    .describe('Overwrite pages of a file'),
  truncate: mapping({ file, size, ...common })
    .optional()
    .describe('Change the size of a file'),
  fallocate: mapping({
    file,
    pages: hole,
    how: z
      .enum(FALLOCATES)
      .default('allocate')
      .describe('allocate: pages after the end make the file longer; keep-size: they do not; punch-hole: make a hole'),
    ...common,
  })
    .optional()
    .describe('Allocate pages of a file, or punch a hole'),
  seal: mapping({ file, seals: z.array(z.enum(SEALS)).min(1), ...common })
    .optional()
    .describe('Set seals on a file'),
  reopen: mapping({
    file,
    as: line("a file's name").describe('Name of the new descriptor'),
    access: z.enum(ACCESSES).default('rw').describe('Its access rights'),
    ...common,
  })
    .optional()
    .describe('Open a file again, with its own position and rights'),
  seek: mapping({ file, position: whole().min(0).max(Number.MAX_SAFE_INTEGER), ...common })
    .optional()
    .describe('Set the position of a file'),
  'get-name': z
    .union([
      sessionName,
      mapping({
        session: sessionName,
        name: sessionName.optional().describe('The expected name; by default the name of the session'),
        ...common,
      }),
    ])
    .optional()
    .describe('Ask the kernel for the name of an open session'),
};
