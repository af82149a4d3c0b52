// SPDX-License-Identifier: Apache-2.0
// The explicit form: more than one client, and calls during the kexec.
import { z } from 'zod';
import { DURING } from '../../model/scenario/client.js';
import { ERRNO_WORDS } from './errno.js';
import { LIMITS } from './limits.js';
import { errno, line, mapping, sessionName, whole } from './values.js';

const NAME = /^[a-z][a-z0-9-]{0,15}$/;
const TEMPLATE = /^\{[a-z]{1,8}\}$/;
const clientName = z
  .string({ error: 'expected the name of a client' })
  .regex(NAME, { error: 'expected the name of a client: a small letter, then up to 15 small letters, digits and -' })
  .meta({ pattern: NAME.source });

/** Keys of every step that is a call of a client. */
export const callCommon = {
  errno: z
    .union([errno, z.array(z.enum(ERRNO_WORDS)).min(1)], { error: 'expected the name of an error, or a list of them' })
    .optional()
    .describe('The error that the kernel must return; with a list, any of them'),
  client: clientName.optional().describe('The client that makes the call; by default the first one, main'),
  fail: z
    .union([whole().min(1).max(LIMITS.allocations), z.string().regex(TEMPLATE)], {
      error: 'expected a whole number from 1, or the number of a repeat, such as "{i}"',
    })
    .optional()
    .describe('The nth allocation of the call fails; then it is made again, unless ENOMEM is demanded'),
  during: z
    .enum(DURING, { error: 'expected kexec or next' })
    .optional()
    .describe('kexec: send it together with the reboot call; next: together with the next step, of another client'),
};

export const clientOperations = {
  client: clientName.optional().describe('Start another client, in its own process'),
  pass: mapping({
    to: clientName.describe('The client that receives it'),
    from: clientName.default('main').describe('The client that passes it'),
    session: sessionName.optional(),
    file: line('the name of a file').optional(),
    errno: errno.optional(),
  })
    .optional()
    .describe('Pass the descriptor of a session or a file to another client; the sender keeps its own'),
  kill: clientName.optional().describe('Kill a client; sessions and files that another client also holds stay'),
};
