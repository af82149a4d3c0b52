// SPDX-License-Identifier: Apache-2.0
// The explicit form: more than one client, calls during the kexec, and descriptors of any kind.
import { z } from 'zod';
import { DURING } from '../../model/scenario/client.js';
import { DESCRIPTOR_KINDS, EMPTY_MEMFD_FLAGS, PATH_ACCESSES } from '../../model/scenario/descriptor.js';
import { ERRNO_WORDS } from './errno.js';
import { LIMITS } from './limits.js';
import { errno, line, mapping, sessionName, size, tokenTemplate, whole } from './values.js';

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
    fd: line('the name of a descriptor').optional(),
    errno: errno.optional(),
  })
    .optional()
    .describe('Pass a session, a file or a descriptor to another client; the sender keeps its own'),
  kill: clientName.optional().describe('Kill a client; sessions and files that another client also holds stay'),
};

const fd = line('the name of a descriptor');
const own = { errno: callCommon.errno, client: callCommon.client };
const NUMBER = /^0x[0-9a-f]{1,8}$/;
const BYTES = /^([0-9a-f]{2})*$/;

const ioctl = mapping({
  on: fd.describe('The descriptor that it is made on'),
  command: z
    .string()
    .regex(NUMBER, { error: 'expected a number of 32 bits in hexadecimal, such as "0xae01"' })
    .meta({ pattern: NUMBER.source })
    .describe('The command, in hexadecimal and quotes'),
  value: whole()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('A plain number as its argument; 0 by default'),
  bytes: z
    .string()
    .max(2 * LIMITS.ioctlArgument, { error: `expected at most ${LIMITS.ioctlArgument} bytes` })
    .regex(BYTES, { error: 'expected bytes in hexadecimal, such as "00ff"' })
    .meta({ pattern: BYTES.source })
    .optional()
    .describe('Its argument in hexadecimal; then zeros'),
  at: whole()
    .min(0)
    .max(LIMITS.ioctlArgument - 4)
    .optional()
    .describe('The byte of the argument where the kernel writes the descriptor; by default the answer is it'),
});

export const descriptorOperations = {
  descriptor: mapping({
    name: fd,
    kind: z.enum(DESCRIPTOR_KINDS).optional().describe('What to make'),
    path: line('a path in the machine').optional().describe('What to open'),
    access: z.enum(PATH_ACCESSES).optional().describe('How to open a path; rw by default'),
    memfd: size.optional().describe('Size of a memfd that nothing is written to'),
    flags: z.array(z.enum(EMPTY_MEMFD_FLAGS)).optional().describe('How that memfd is created'),
    ioctl: ioctl.optional().describe('An ioctl that returns it'),
    ...own,
  })
    .optional()
    .describe('Make a descriptor of any kind'),
  'preserve-fd': mapping({ session: sessionName, fd, token: tokenTemplate, ...own })
    .optional()
    .describe('Preserve a descriptor in a session'),
  'retrieve-fd': mapping({
    session: sessionName,
    token: tokenTemplate,
    as: fd.describe('Name of the descriptor'),
    written: z
      .boolean()
      .default(false)
      .describe('A program writes to it in this kernel, so its content is judged on arrival alone'),
    ...own,
  })
    .optional()
    .describe('Retrieve a descriptor; it must be what it was'),
  'close-fd': z
    .union([fd, mapping({ fd, ...own })])
    .optional()
    .describe('Close a descriptor'),
};
