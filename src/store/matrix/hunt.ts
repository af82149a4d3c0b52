// SPDX-License-Identifier: Apache-2.0
// `hunt.json` in the folder of a matrix: the hunt after its cells. It is always written whole.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FINDING_STATES, HUNT_SCHEMA, type HuntReport, type NightHunt } from '../../model/hunt/hunt.js';
import { OUTCOMES } from '../../model/result/outcome.js';
import { readJson } from '../../util/read-json.js';
import { writeWhole } from '../write-whole.js';

const FILE = 'hunt.json';
const counts = z.record(z.string(), z.number());
const schema = z.literal(HUNT_SCHEMA);

const findingSchema = z.object({
  name: z.string(),
  outcome: z.enum(OUTCOMES),
  title: z.string(),
  state: z.enum(FINDING_STATES),
  kernels: z.array(z.string()),
  input: z.number(),
  runs: z.number(),
  seen: z.number(),
  minimal: z.boolean(),
  others: z.record(z.string(), z.string()),
  reference: z.string().nullable(),
  run: z.string().nullable(),
  fresh: z.boolean(),
});

const reportSchema: z.ZodType<HuntReport> = z.object({
  schema,
  seed: z.number(),
  kernels: z.array(z.array(z.string())),
  folder: z.string(),
  out: z.string(),
  end: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('done') }),
      z.object({ kind: z.literal('stopped'), why: z.string(), infra: z.boolean() }),
    ])
    .nullable(),
  executions: z.number(),
  ms: z.number(),
  counts,
  rungs: counts,
  spent: counts.default({}),
  hours: z.array(z.number()),
  curve: z.array(z.object({ at: z.number(), executions: z.number(), reached: z.number() })),
  corpus: z.number(),
  findings: z.array(findingSchema),
});

const nightHuntSchema: z.ZodType<NightHunt> = z.object({
  schema,
  plan: z.string(),
  before: z.object({ ms: z.number(), executions: z.number(), findings: z.array(z.string()) }).nullable(),
  state: z.enum(['open', 'ended', 'failed']),
  why: z.string().nullable(),
  report: reportSchema.nullable(),
});

/** Null if the matrix has no hunt. One whose file cannot be read counts as failed: nobody knows what it found. */
export function readNightHunt(folder: string): NightHunt | null {
  const path = join(folder, FILE);
  if (!existsSync(path)) return null;
  const why = `${FILE} is damaged, or of another lab; lab matrix PLAN --resume   hunts again`;
  return (
    readJson(path, nightHuntSchema) ?? {
      schema: HUNT_SCHEMA,
      plan: FILE,
      before: null,
      state: 'failed',
      why,
      report: null,
    }
  );
}

/** Throws a LabError if the disk is full. */
export function writeNightHunt(folder: string, hunt: NightHunt): void {
  writeWhole(join(folder, FILE), `${JSON.stringify(hunt)}\n`);
}
