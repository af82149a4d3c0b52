// SPDX-License-Identifier: Apache-2.0
// What the lab and the process of a run say to each other: JSON, one message a line. Both sides check and bound every
// message.
import { z } from 'zod';
import { attemptSchema, cellSchema } from '../../store/matrix/schema.js';
import { type CellTask, STARTS } from '../queue.js';

/** Bytes of a line with a task: the text of a scenario and its command lines. */
export const MAX_REQUEST = 32 << 20;
/** Bytes of a line with an answer. */
export const MAX_ANSWER = 1 << 20;
/** Characters of a text that tells of progress, or of an error. */
export const MAX_TEXT = 4000;

const taskSchema: z.ZodType<CellTask> = z.object({
  matrix: z.string(),
  cell: cellSchema,
  attempt: z.number().int().min(1),
  text: z.string(),
  cmdlines: z.array(z.string()),
  guestState: z.number().nullable(),
  timeout: z.number().nullable(),
  memory: z.number().min(0),
  start: z.enum(STARTS),
  coverage: z.boolean(),
  origin: z.enum(['here', 'signed', 'unsigned']),
});

/** What all runs of a process have in common. It is the first message. */
export const setUpSchema = z.object({
  kind: z.literal('set-up'),
  accel: z.enum(['auto', 'kvm', 'tcg']),
  results: z.string(),
  worker: z.string(),
  trust: z.boolean(),
});
export type SetUp = z.infer<typeof setUpSchema>;

export const requestSchema = z.discriminatedUnion('kind', [
  setUpSchema,
  z.object({ kind: z.literal('run'), task: taskSchema }),
  /** Ends the run in order, and then the process. */
  z.object({ kind: z.literal('stop') }),
]);
export type Request = z.infer<typeof requestSchema>;

const text = z.string().max(MAX_TEXT);
export const answerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('detail'), text }),
  z.object({ kind: z.literal('attempt'), attempt: attemptSchema }),
  /** No other cell could run either. `code` is the system's, such as ENOSPC. */
  z.object({ kind: z.literal('failed'), message: text, hint: text.nullable(), code: z.string().max(40).nullable() }),
]);
export type Answer = z.infer<typeof answerSchema>;

export const lineOf = (message: Request | Answer): string => `${JSON.stringify(message)}\n`;
