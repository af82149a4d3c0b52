// SPDX-License-Identifier: Apache-2.0
// The plan of a hunt. The committed JSON Schema is generated from this.
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { HostRule } from '../../model/scenario/host-use.js';
import { ScenarioError } from '../../scenario/index.js';
import { kernel, line, mapping, seconds, size, whole } from '../../scenario/schema/values.js';
import { SourceDocument } from '../../scenario/source/document.js';
import { addIssues } from '../../scenario/source/issues.js';
import { Problems } from '../../scenario/source/problems.js';
import { refuse } from '../../scenario/validate/host-use.js';
import type { GeneratorName } from '../input.js';

const share = whole('a share: a whole number').min(0).max(1000);

export const huntPlanSchema = mapping({
  kernels: z
    .array(z.array(kernel).length(2, { error: 'expected two kernels: [FROM, TO]' }))
    .min(1, { error: 'expected at least one pair of kernels' })
    .default([['7.3.4', '7.3.4']])
    .describe('Pairs of kernels: the one that hands over, and the one that takes over'),
  generators: mapping({ calls: share.optional(), bytes: share.optional() })
    .optional()
    .describe('Generators, and how many inputs each makes in proportion to the others; by default all alike'),
  time: seconds.default(3600).describe('Start no more inputs after this time, in seconds'),
  executions: whole().min(1).max(1e9).optional().describe('End after this many inputs'),
  jobs: whole().min(1).max(1024).optional().describe('Maximum number of machines at once'),
  seed: whole().min(0).max(0xffffffff).default(1).describe('The same seed gives the same inputs'),
  corpus: line('a path').optional().describe('Folder that keeps everything between hunts, relative to the plan'),
  known: line('a path').optional().describe('File of findings that are known, relative to the plan'),
  limits: mapping({
    disk: size.optional().describe('Maximum size of the corpus; 256 MiB by default'),
    entries: whole().min(1).max(100_000).optional().describe('Maximum number of inputs in the corpus'),
  })
    .prefault({})
    .describe('Bounds of what is kept'),
});

export interface HuntPlan {
  kernels: string[][];
  /** Without those whose share is 0; null for all alike. */
  generators: Map<GeneratorName, number> | null;
  /** Milliseconds. */
  time: number;
  executions: number | null;
  jobs: number | null;
  seed: number;
  /** Absolute paths. */
  corpus: string | null;
  known: string | null;
  maxBytes: number;
  maxEntries: number;
}

const MAX_BYTES = 256 << 20;
const MAX_ENTRIES = 2000;

export interface HuntPlanOptions {
  /** Why there is no such kernel; null if there is one. */
  problem: (kernel: string) => string | null;
  /** What the plan may use of this host; null if it is trusted. */
  rule: HostRule | null;
}

/** Checks the text of a plan. Throws a ScenarioError with all problems. */
export function parseHuntPlan(text: string, file: string, { problem, rule }: HuntPlanOptions): HuntPlan {
  const document = new SourceDocument(text, file);
  if (document.errors.length > 0) throw new ScenarioError(document.errors, text);
  const problems = new Problems(document);
  const data = document.data ?? {};
  const parsed = huntPlanSchema.safeParse(data);
  if (!parsed.success) addIssues(parsed.error.issues, data, problems);
  for (const [index, pair] of (parsed.data?.kernels ?? []).entries())
    for (const [at, name] of pair.entries()) {
      const why = problem(name);
      if (why !== null) problems.add(['kernels', index, at], why);
    }
  const beside = (path: string | undefined) => (path === undefined ? null : resolve(dirname(file), path));
  for (const [key, access] of [
    ['corpus', 'write'],
    ['known', 'read'],
  ] as const) {
    const path = beside(parsed.data?.[key]);
    if (rule !== null && path !== null) refuse(rule, { kind: 'plan-path', path, access }, [key], problems);
  }
  const { generators } = parsed.data ?? {};
  if (generators !== undefined && Object.values(generators).every((each) => each === 0))
    problems.add(['generators'], 'expected a generator with a share above 0');
  if (!parsed.success || !problems.empty) throw new ScenarioError(problems.sorted(), text);
  const { time, executions, jobs, seed, corpus, known, limits, kernels } = parsed.data;
  return {
    kernels,
    generators: generators === undefined ? null : new Map(sharesOf(generators)),
    time: time * 1000,
    executions: executions ?? null,
    jobs: jobs ?? null,
    seed,
    corpus: beside(corpus),
    known: beside(known),
    maxBytes: limits.disk ?? MAX_BYTES,
    maxEntries: limits.entries ?? MAX_ENTRIES,
  };
}

function sharesOf({ calls = 0, bytes = 0 }: { calls?: number | undefined; bytes?: number | undefined }) {
  const all: [GeneratorName, number][] = [
    ['calls', calls],
    ['bytes', bytes],
  ];
  return all.filter(([, each]) => each > 0);
}

/** JSON Schema, draft-07, for plans of a hunt. */
export function huntPlanJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(huntPlanSchema, { target: 'draft-7', io: 'input' }) as Record<
    string,
    unknown
  >;
  return { $schema, title: 'Plan of a hunt of the lab', ...rest };
}
