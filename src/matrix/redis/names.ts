// SPDX-License-Identifier: Apache-2.0
// Names and messages in Redis. Each lab identity has its own queue, so that a worker never gets a cell of another lab's
// matrix.
import { z } from 'zod';
import { attemptSchema, cellSchema } from '../../store/matrix/schema.js';
import type { CellTask } from '../queue.js';
import { blobRefSchema } from './blobs.js';
import { PREFIX } from './connection.js';

/** Seconds to keep results that nobody fetches, and finished jobs of a matrix that never continues. */
export const KEPT_SECONDS = 7 * 86_400;

export const queueName = (identity: string) => `cells-${identity}`;
export const jobId = ({ matrix, cell, attempt }: Pick<CellTask, 'matrix' | 'cell' | 'attempt'>) =>
  `${matrix}/${cell.id}/${attempt}`;
export const resultKey = (job: string, worker: string) => `${PREFIX}:result:${job}:${worker}`;
export const imageKey = (key: string) => `${PREFIX}:image:${key}`;
/** Holds the identity of the lab that runs the matrix; expires unless it is renewed. */
export const matrixKey = (id: string) => `${PREFIX}:matrix:${id}`;
/** Holds the identity of the worker's lab; expires unless it is renewed. */
export const workerKey = (worker: string) => `${PREFIX}:worker:${worker}`;

/** The return value of a worker's job. */
export const cellReport = z.object({ attempt: attemptSchema, archive: blobRefSchema.nullable() });
export type CellReport = z.infer<typeof cellReport>;

/** A kernel that can be fetched. Both hosts compute the same `key` of the cache. */
const image = z.object({
  name: z.string(),
  key: z.string().regex(/^[0-9a-f]{32}$/),
  sha256: z.string(),
  origin: z.object({ index: z.number().int().min(0), id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/) }),
  blob: blobRefSchema,
});
export const jobData = z.object({
  task: z.object({
    matrix: z.string(),
    cell: cellSchema,
    attempt: z.number().int().min(1),
    text: z.string(),
    cmdlines: z.array(z.string()),
    guestState: z.number().nullable(),
    timeout: z.number().nullable(),
    memory: z.number().min(0),
  }),
  images: z.array(image),
});
export type JobData = z.infer<typeof jobData>;
export type OfferedImage = JobData['images'][number];

/** Progress of a running cell, from its worker. */
export const progressData = z.object({ worker: z.string(), text: z.string().max(1000) });
