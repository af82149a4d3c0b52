// SPDX-License-Identifier: Apache-2.0
// The outside of every message in Redis: what it is for, and a signature over that and its body. The body stays text
// until the signature has been checked.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { CellTask } from '../../queue.js';

/** Characters of a body. A scenario has at most 1 MiB, and so have the command lines of all its kernels. */
export const MAX_BODY = 8 << 20;

export const DIRECTIONS = ['job', 'result', 'progress', 'image'] as const;
/** `job`, `image`: from the matrix. `result`, `progress`: from a worker. */
export type Direction = (typeof DIRECTIONS)[number];

const headSchema = z.strictObject({
  direction: z.enum(DIRECTIONS),
  queue: z.string().max(300),
  matrix: z.string().max(300),
  cell: z.string().max(1000),
  attempt: z.number().int().min(0),
  /** A result and its progress carry the nonce of their job. */
  nonce: z.string().max(64),
  /** Milliseconds since 1970. */
  issuedAt: z.number().int().min(0),
});
export type Head = z.infer<typeof headSchema>;

export const sealedSchema = z.object({
  head: headSchema,
  body: z.string(),
  mac: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});
export type Sealed = z.infer<typeof sealedSchema>;

export const newNonce = () => randomBytes(16).toString('hex');

/** The head of a new job. */
export function jobHead(queue: string, { matrix, cell, attempt }: CellTask): Head {
  return { direction: 'job', queue, matrix, cell: cell.id, attempt, nonce: newNonce(), issuedAt: Date.now() };
}

/** The head of an answer to a job. */
export function answerHead(job: Head, direction: 'result' | 'progress'): Head {
  return { ...job, direction, issuedAt: Date.now() };
}

/** True if an answer is for this very job: the same cell, attempt and nonce. */
export function answers(answer: Head, job: Head): boolean {
  return (
    answer.matrix === job.matrix &&
    answer.cell === job.cell &&
    answer.attempt === job.attempt &&
    answer.nonce === job.nonce
  );
}
