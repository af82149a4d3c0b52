// SPDX-License-Identifier: Apache-2.0
// Schemas of matrix.json, cells.jsonl and cell.json, to read them (model/result/matrix.ts).
import { z } from 'zod';
import {
  type Attempt,
  type CellOfRun,
  EXPECTATION_SOURCES,
  type Matrix,
  MATRIX_SCHEMA,
} from '../../model/result/matrix.js';
import { ENDINGS, OUTCOMES } from '../../model/result/outcome.js';
import { RUNGS } from '../../model/result/snapshot.js';
import { WITNESSES } from '../../model/result/witness.js';

const nth = z.number().int().min(1);
const outcome = z.enum(OUTCOMES);
const endsIn = z.enum(ENDINGS);
export const cellSchema = z.object({
  id: z.string(),
  scenario: z.string(),
  tags: z.array(z.string()),
  kernels: z.array(z.string()),
  repeat: nth,
  expected: z.object({ outcome, endsIn: endsIn.nullable(), source: z.enum(EXPECTATION_SOURCES) }),
});

export const matrixSchema: z.ZodType<Matrix> = z.object({
  schema: z.literal(MATRIX_SCHEMA),
  id: z.string(),
  plan: z.string(),
  planSha256: z.string(),
  labVersion: z.string(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  cells: z.array(cellSchema),
});

export const attemptSchema: z.ZodType<Attempt> = z.object({
  cell: z.string(),
  attempt: nth,
  run: z.string().nullable(),
  outcome,
  endsIn,
  asExpected: z.boolean(),
  title: z.string().nullable(),
  without: z.array(z.enum(WITNESSES)).default([]),
  rung: z.enum(RUNGS).nullable().default(null),
  ms: z.number().min(0),
  startedAt: z.string(),
  worker: z.string(),
});

export const cellOfRunSchema: z.ZodType<CellOfRun> = z.object({
  matrix: z.string(),
  cell: z.string(),
  attempt: nth,
  worker: z.string(),
});
