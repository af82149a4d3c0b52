// SPDX-License-Identifier: Apache-2.0
// The explicit form: steps on files and sessions that are there already.
import { z } from 'zod';
import { ACCESSES, FALLOCATES, SEALS } from '../../model/scenario/file-steps.js';
import { callCommon as common } from './clients.js';
import { hole, line, mapping, seed, sessionName, size, whole } from './values.js';

const file = line('the name of a file');

export const fileOperations = {
  write: mapping({
    file,
    seed: seed.describe('Seed of what is written, 32 bits'),
    pages: hole.optional().describe('Where; by default all pages of the file'),
    ...common,
  })
    .optional()
    .describe('Write over pages of a file'),
  truncate: mapping({ file, size, ...common })
    .optional()
    .describe('Make a file shorter or longer'),
  fallocate: mapping({
    file,
    pages: hole,
    how: z
      .enum(FALLOCATES)
      .default('allocate')
      .describe(
        'allocate: the file grows where they lie behind its end; keep-size: it does not; punch-hole: they are emptied',
      ),
    ...common,
  })
    .optional()
    .describe('Allocate or empty pages of a file'),
  seal: mapping({ file, seals: z.array(z.enum(SEALS)).min(1), ...common })
    .optional()
    .describe('Set seals on a file'),
  reopen: mapping({
    file,
    as: line("a file's name").describe('Name of the new descriptor'),
    access: z.enum(ACCESSES).default('rw').describe('What it allows'),
    ...common,
  })
    .optional()
    .describe('Open a file once more, with a position and rights of its own'),
  seek: mapping({ file, position: whole().min(0).max(Number.MAX_SAFE_INTEGER), ...common })
    .optional()
    .describe('Set the position of a file'),
  'get-name': z
    .union([
      sessionName,
      mapping({
        session: sessionName,
        name: sessionName.optional().describe('What the kernel must answer; by default the name of the session'),
        ...common,
      }),
    ])
    .optional()
    .describe('Ask the kernel for the name of a session that is open'),
};
