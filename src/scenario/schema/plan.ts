// SPDX-License-Identifier: Apache-2.0
// What may stand in the plan of a matrix. The committed JSON Schema is generated from this.
import { z } from 'zod';
import { DIRECTIONS, EXPECTS } from '../../model/scenario/plan.js';
import { LIMITS } from './limits.js';
import { kernel, line, mapping, seconds, size, whole } from './values.js';

const direction = z.enum(['all', ...DIRECTIONS]);
const pattern = line('a pattern such as "7.*"').optional();

const selection = mapping({
  file: line('the path of a scenario').optional().describe('One scenario, as seen from the plan'),
  folder: line('the path of a folder')
    .optional()
    .describe('All scenarios of a folder and of those in it, as seen from the plan'),
  tags: z.array(line('a tag')).default([]).describe('Only scenarios with all of these tags'),
  without: z.array(line('a tag')).default([]).describe('No scenario with one of these tags'),
  kernels: z
    .enum(['plan', 'own'])
    .default('plan')
    .describe('plan: on every pair and chain of the plan; own: on the kernels that the scenario names'),
  repeats: whole().min(1).max(1000).optional().describe('How often each is run; by default as the plan says'),
});

export const planSchema = mapping({
  name: line('a name').optional().describe('Name; by default that of the file'),
  description: z.string().default('').describe('What it is for, in a sentence'),
  kernels: z
    .array(kernel)
    .default([])
    .describe('Kernels by name, by pattern ("7.*"; a star ends at a dash, ** does not), or "newest N"'),
  pairs: z
    .union([direction, z.array(direction)], { error: `expected ${['all', ...DIRECTIONS].join(', ')}` })
    .default('all')
    .describe('Which pairs of them: forward (to a newer one), rollback (to an older one), same (to itself), all'),
  chains: z
    .array(z.array(kernel).min(2).max(LIMITS.kernels))
    .default([])
    .describe('Updates in a row, besides the pairs'),
  scenarios: z.array(selection).min(1, { error: 'expected at least one scenario' }).describe('What is run'),
  repeats: whole()
    .min(1)
    .max(1000)
    .default(1)
    .describe('How often each cell is run; outcomes that differ make it flaky'),
  exclude: z
    .array(
      mapping({
        scenario: pattern,
        from: pattern,
        to: pattern,
        tag: line('a tag').optional(),
        why: z.string().optional(),
      }),
    )
    .default([])
    .describe('Cells that are left out: all that match every pattern of one entry'),
  limits: mapping({
    jobs: whole().min(1).max(1024).optional().describe('Most machines at once'),
    memory: size.optional().describe('Most memory of all machines together'),
    timeout: seconds.optional().describe('Deadline of each run in seconds'),
  })
    .prefault({})
    .describe('In addition to what the host allows'),
  retries: whole().min(0).max(10).default(2).describe('Further attempts at a cell that the lab itself failed at'),
  expect: z
    .enum(EXPECTS)
    .default('auto')
    .describe(
      'Who says what is right where the baseline does not: the scenario, the prediction, or (auto) the scenario on its own kernels and the prediction on others',
    ),
  baseline: line('a path')
    .optional()
    .describe(
      'File of outcomes that are taken as right, as seen from the plan; lab matrix --update-baseline writes it',
    ),
  profile: line('a path').optional().describe('Profile that every kernel is pinned to, as seen from the plan'),
});

export type PlanInput = z.output<typeof planSchema>;

/** JSON Schema, draft-07, for plans. */
export function planJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(planSchema, { target: 'draft-7', io: 'input' }) as Record<
    string,
    unknown
  >;
  return { $schema, title: 'Plan of a matrix of the lab', ...rest };
}
