// SPDX-License-Identifier: Apache-2.0
// The explicit form: more than one client in the machine, and calls that meet the kexec.
import { z } from 'zod';
import { ERRNO_WORDS } from '../validate/errno.js';
import { errno, line, mapping, sessionName } from './values.js';

const NAME = /^[a-z][a-z0-9-]{0,15}$/;
const clientName = z
  .string({ error: 'expected the name of a client' })
  .regex(NAME, { error: 'expected the name of a client: a small letter, then up to 15 small letters, digits and -' })
  .meta({ pattern: NAME.source });

/** Keys of every step that is one call of a client. */
export const callCommon = {
  errno: z
    .union([errno, z.array(z.enum(ERRNO_WORDS)).min(1)], { error: 'expected the name of an error, or a list of them' })
    .optional()
    .describe('What the kernel must answer; of a list, any'),
  client: clientName.optional().describe('The client that calls; by default the first one, main'),
  during: z
    .literal('kexec', { error: 'expected kexec' })
    .optional()
    .describe('It is sent together with the reboot call'),
};

export const clientOperations = {
  client: clientName.optional().describe('Start another client: a process of its own'),
  pass: mapping({
    to: clientName.describe('The client that gets it'),
    from: clientName.default('main').describe('The client that gives it'),
    session: sessionName.optional(),
    file: line('the name of a file').optional(),
    errno: errno.optional(),
  })
    .optional()
    .describe('Pass the descriptor of a session or a file to another client; who gives it keeps its own'),
  kill: clientName.optional().describe('Kill a client; what others hold too stays'),
};
