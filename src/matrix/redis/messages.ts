// SPDX-License-Identifier: Apache-2.0
// The bodies of the messages in Redis, with a limit for everything. A peer may send anything.
import { z } from 'zod';
import { EXPECTATION_SOURCES, type Attempt, type Cell } from '../../model/result/matrix.js';
import { ENDINGS, OUTCOMES } from '../../model/result/outcome.js';
import { RUNGS } from '../../model/result/snapshot.js';
import { WITNESSES } from '../../model/result/witness.js';
import { blobRefSchema } from './blobs.js';
import { STARTS } from '../queue.js';

/** Kernels of a chain (scenario/schema/limits.ts). */
const MAX_KERNELS = 256;
/** Characters of a YAML text. */
const MAX_TEXT = 1 << 20;

const nth = z.number().int().min(1).max(1_000_000_000);
const name = z.string().min(1).max(4096);
const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

const cell: z.ZodType<Cell> = z.object({
  id: z.string().min(1).max(1000),
  scenario: name,
  tags: z.array(z.string().max(200)).max(200),
  kernels: z.array(name).min(1).max(MAX_KERNELS),
  repeat: nth,
  expected: z.object({
    outcome: z.enum(OUTCOMES),
    endsIn: z.enum(ENDINGS).nullable(),
    source: z.enum(EXPECTATION_SOURCES),
  }),
});

/** A kernel that can be fetched. */
const image = z.object({
  name,
  /** The key in the cache of the matrix. A worker computes it itself and compares. */
  key: hex(32),
  files: z
    .array(
      z.object({
        name: z.string().max(100),
        size: z
          .number()
          .int()
          .min(0)
          .max(2 ** 31),
        sha256: hex(64),
      }),
    )
    .max(16),
  blob: blobRefSchema,
});

export const jobBody = z.object({
  task: z.object({
    matrix: z.string().min(1).max(300),
    cell,
    attempt: nth,
    text: z.string().max(MAX_TEXT),
    cmdlines: z.array(z.string().max(4096)).max(MAX_KERNELS),
    guestState: z.number().nullable(),
    timeout: z.number().min(0).max(604_800).nullable(),
    memory: z
      .number()
      .min(0)
      .max(2 ** 50),
    start: z.enum(STARTS),
    coverage: z.boolean(),
  }),
  images: z.array(image).max(MAX_KERNELS),
});
export type JobBody = z.infer<typeof jobBody>;
export type OfferedImage = JobBody['images'][number];

const attempt: z.ZodType<Attempt> = z.object({
  cell: z.string().max(1000),
  attempt: nth,
  run: z.string().max(200).nullable(),
  outcome: z.enum(OUTCOMES),
  endsIn: z.enum(ENDINGS),
  asExpected: z.boolean(),
  title: z.string().max(1000).nullable(),
  without: z.array(z.enum(WITNESSES)).max(WITNESSES.length),
  rung: z.enum(RUNGS).nullable(),
  ms: z.number().min(0),
  startedAt: z.string().max(100),
  worker: z.string().max(300),
});

export const resultBody = z.object({
  /** SHA-256 of the body of the job that this answers. */
  job: hex(64),
  attempt,
  archive: blobRefSchema.nullable(),
});
export type ResultBody = z.infer<typeof resultBody>;

/** Progress of a running cell. */
export const progressBody = z.object({ worker: z.string().max(300), text: z.string().max(1000) });
