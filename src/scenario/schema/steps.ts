// SPDX-License-Identifier: Apache-2.0
// The explicit form: every operation of a run is a step.
import { z } from 'zod';
import { deviceOperations } from './devices.js';
import { faultBody } from './faults.js';
import { callCommon, clientOperations, descriptorOperations } from './clients.js';
import { fileOperations } from './files.js';
import { guestOperations } from './guests.js';
import { memfdTraits, objectTraits } from './sessions.js';
import { LIMITS } from './limits.js';
import { count, errno, line, mapping, mode, seconds, sessionName, size, tokenTemplate, whole } from './values.js';

const name = (what: string) => line(`the name of ${what}`);
const common = { errno: errno.optional() };
const onSession = z.union([sessionName, mapping({ session: sessionName, ...callCommon })]);
const onFile = z.union([name('a file'), mapping({ file: name('a file'), ...common })]);
const bare = z.union([z.literal(true), z.null(), mapping(common)]);

/** The operations. A step has exactly one of these keys. */
const operations = {
  open: bare.optional().describe('Open /dev/liveupdate'),
  create: onSession.optional().describe('Create a session'),
  memfd: mapping({ name: name('a file'), size, ...memfdTraits, ...callCommon })
    .optional()
    .describe('Create and fill a memfd'),
  object: mapping({ name: name('a file'), size, ...objectTraits, ...callCommon })
    .optional()
    .describe('Create and fill a lab object (/dev/labobj)'),
  preserve: mapping({ session: sessionName, file: name('a file'), token: tokenTemplate, ...callCommon })
    .optional()
    .describe('Preserve a file in a session'),
  retrieve: z
    .union([
      sessionName,
      mapping({
        session: sessionName,
        token: tokenTemplate.optional(),
        as: name('a file').optional().describe('New name of the file; by default its old name'),
        ...callCommon,
      }),
    ])
    .optional()
    .describe('Retrieve a session or, with a token, one of its files'),
  check: onFile.optional().describe("Compare a file's content and metadata with the original"),
  finish: onSession.optional().describe('Finish a retrieved session'),
  close: z
    .union([
      sessionName,
      mapping({
        session: sessionName.optional(),
        file: name('a file').optional(),
        device: z.literal(true).optional().describe('/dev/liveupdate'),
        ...callCommon,
      }),
    ])
    .optional()
    .describe('Close the descriptor of a session, a file or the device'),
  load: z
    .union([
      z.enum(['file', 'legacy']),
      z.literal(true),
      z.null(),
      mapping({ via: z.enum(['file', 'legacy']).default('file'), ...common }),
    ])
    .optional()
    .describe('Load the next kernel: file is kexec_file_load, legacy is kexec_load'),
  kexec: bare.optional().describe('Start the next kernel, which runs all later steps'),
  abort: bare.optional().describe('Call the update off'),
  'kill-agent': bare
    .optional()
    .describe('Kill the agent, which closes everything it holds; a new one runs the later steps'),
  exec: z
    .union([
      line('a command'),
      mapping({
        command: line('a command'),
        status: whole().min(0).max(255).default(0).describe('Required exit status'),
        stdout: z.string().optional().describe('Required output, without the last line break'),
        timeout: seconds
          .default(LIMITS.execTimeout)
          .describe('Seconds after which its shell is killed and the step fails (ETIMEDOUT)'),
        ...common,
      }),
    ])
    .optional()
    .describe('Run a command in the machine'),
  'hotplug-memory': mapping({
    size: size.describe('Size of the memory module: whole 128MiB'),
    timeout: seconds
      .default(LIMITS.hotplugTimeout)
      .describe('Seconds for the kernel to take it over; then the step has failed (ETIMEDOUT)'),
    ...common,
  })
    .optional()
    .describe('Add a memory module to the running machine'),
  upload: mapping({
    from: line('a file on this host').describe('Path on this host, relative to the scenario'),
    to: line('a path in the machine'),
    mode: mode.default(0o644).describe('Permissions in octal, in quotes'),
    ...common,
  })
    .optional()
    .describe('Copy a file into the machine'),
  ...deviceOperations,
  ...guestOperations,
  ...fileOperations,
  ...clientOperations,
  ...descriptorOperations,
  fault: z
    .union([
      z.enum(['triple-fault', 'reset', 'stop', 'nmi']),
      mapping({
        at: z.enum(['now', 'jump']).default('now').describe('jump: as soon as the old kernel starts the kexec'),
        ...faultBody,
        ...common,
      }),
    ])
    .optional()
    .describe('Inject a fault from outside'),
};

const BARE_WORDS = ['open', 'load', 'kexec', 'abort', 'kill-agent'] as const;
const operationsSchema = mapping(operations);
export type OperationsInput = z.output<typeof operationsSchema>;

export interface RepeatInput {
  count: number;
  as: string;
  steps: StepInput[];
}
export type StepInput = (typeof BARE_WORDS)[number] | (OperationsInput & { repeat?: RepeatInput | undefined });

const repeat = mapping({
  count: count.describe('Number of rounds'),
  as: z
    .string()
    .regex(/^[a-z]{1,8}$/, { error: 'expected a short name in small letters, such as "i"' })
    .default('i')
    .describe('Name of the number in templates; {i} counts from 1'),
  steps: z.lazy((): z.ZodType<StepInput[]> => z.array(step).min(1)).describe('The steps, with {i} in names and tokens'),
});

export const step: z.ZodType<StepInput> = z
  .union([
    z.enum(BARE_WORDS),
    mapping({ ...operations, repeat: repeat.optional().describe('Steps to repeat') }).meta({
      minProperties: 1,
      maxProperties: 1,
    }),
  ])
  .meta({ id: 'step', description: 'A step: a mapping with one key, the operation' });
