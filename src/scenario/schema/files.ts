// SPDX-License-Identifier: Apache-2.0
// The explicit form: steps on files and sessions that exist already.
import { z } from 'zod';
import { ACCESSES, FALLOCATES, SEALS } from '../../model/scenario/file-steps.js';
import { IOCTLS, type IoctlWord, LACKS } from '../../model/scenario/raw.js';
import { callCommon as common } from './clients.js';
import { LIMITS } from './limits.js';
import { hole, line, mapping, seed, sessionName, size, whole } from './values.js';

const file = line('the name of a file');

const WORDS = Object.keys(IOCTLS) as [IoctlWord, ...IoctlWord[]];
const NUMBER = /^0x[0-9a-f]{1,8}$/;
const BYTES = /^([0-9a-f]{2})*$/;

const COMMANDS = `expected one of ${WORDS.join(', ')}, or a number of 32 bits such as "0xba42"`;
const ioctlCommand = z
  .union([z.enum(WORDS), z.string().regex(NUMBER, { error: COMMANDS }).meta({ pattern: NUMBER.source })], {
    error: COMMANDS,
  })
  .describe('The command: a word, or its number in hexadecimal and quotes');

const ioctlPayload = z
  .string({ error: 'expected bytes in hexadecimal, such as "00ff"' })
  .max(2 * LIMITS.ioctlBytes, { error: `expected at most ${LIMITS.ioctlBytes} bytes` })
  .regex(BYTES, { error: 'expected bytes in hexadecimal, such as "00ff"' })
  .meta({ pattern: BYTES.source });

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
  link: z
    .union([sessionName, mapping({ session: sessionName, ...common })])
    .optional()
    .describe('Read the link of the descriptor of an open session in /proc; it must name the session'),
  ioctl: mapping({
    session: sessionName.optional(),
    file: file.optional(),
    device: z.literal(true).optional().describe('/dev/liveupdate, which the client has open'),
    command: ioctlCommand,
    size: whole().min(0).max(0xffffffff).optional().describe('Size that the argument claims; by default the right one'),
    bytes: ioctlPayload.optional().describe('What follows the size in the argument, in hexadecimal; then zeros'),
    without: z
      .enum(LACKS)
      .optional()
      .describe('What the call lacks: an argument that can be read, or written (answer), or a free descriptor'),
    ...common,
  })
    .optional()
    .describe('Make any ioctl on a session, a file or the device; the lab does not follow what it changes'),
};
