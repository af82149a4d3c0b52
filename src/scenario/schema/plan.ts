// SPDX-License-Identifier: Apache-2.0
// The plan of a matrix. The committed JSON Schema is generated from this.
import { z } from 'zod';
import { DIRECTIONS, EXPECTS } from '../../model/scenario/plan.js';
import { LIMITS } from './limits.js';
import { kernel, line, mapping, seconds, size, whole } from './values.js';

const direction = z.enum(['all', ...DIRECTIONS]);
const pattern = line('a pattern such as "7.*"').optional();

const selection = mapping({
  file: line('the path of a scenario').optional().describe('Path of a scenario, relative to the plan'),
  folder: line('the path of a folder')
    .optional()
    .describe('Path of a folder, relative to the plan: all scenarios in it and in its folders'),
  tags: z.array(line('a tag')).default([]).describe('Only scenarios with all of these tags'),
  without: z.array(line('a tag')).default([]).describe('No scenarios with any of these tags'),
  kernels: z
    .union([z.enum(['plan', 'own']), z.array(kernel).min(1)], { error: 'expected plan, own, or a list of kernels' })
    .default('plan')
    .describe(
      'plan: on every pair and chain of the plan; own: on the kernels in the scenario; a list: on the pairs of these ' +
        'kernels, in the directions of the plan',
    ),
  repeats: whole()
    .min(1)
    .max(1000)
    .optional()
    .describe("How often to run each scenario; by default the plan's repeats"),
});

/** Not the name of an option of git, and no walk out of a folder of refs. */
const ref = z
  .string({ error: 'expected a branch, a tag or a commit' })
  .regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/+-]{0,99}$/, { error: 'expected a branch, a tag or a commit' });

export const tree = mapping({
  git: line('the path of a git tree').describe('Path of a git tree of the kernel, relative to the plan'),
  refs: z.array(ref).min(1).max(LIMITS.refs).describe('Branches, tags or commits, oldest first: a kernel for each'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,39}$/, { error: 'expected letters, digits and ._+-' })
    .optional()
    .describe('First part of their names (NAME@REF); by default the name of its folder'),
  base: kernel.optional().describe('Kernel whose configuration they get; by default that of the nearest version'),
});
export type TreeInput = z.output<typeof tree>;

export const planSchema = mapping({
  name: line('a name').optional().describe('Name; by default the name of the file'),
  description: z.string().default('').describe('Its purpose, in a sentence'),
  kernels: z
    .array(z.union([kernel, tree]))
    .default([])
    .describe(
      'Kernels by name, by pattern ("7.*"; a star ends at a dash, ** does not), "newest N", "newest N of SUITE", or ' +
        '{git: PATH, refs: [...]}',
    ),
  pairs: z
    .union([direction, z.array(direction)], { error: `expected ${['all', ...DIRECTIONS].join(', ')}` })
    .default('all')
    .describe('Pairs of these kernels: forward (to a newer one), rollback (to an older one), same (to itself), all'),
  chains: z
    .array(z.array(kernel).min(2).max(LIMITS.kernels))
    .default([])
    .describe('Several updates in a row, in addition to the pairs'),
  scenarios: z.array(selection).min(1, { error: 'expected at least one scenario' }).describe('The scenarios to run'),
  repeats: whole()
    .min(1)
    .max(1000)
    .default(1)
    .describe('How often to run each cell; if the outcomes differ, it is flaky'),
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
    .describe('Cells to leave out: those that match every pattern of an entry'),
  limits: mapping({
    jobs: whole().min(1).max(1024).optional().describe('Maximum number of machines at once'),
    memory: size.optional().describe('Maximum memory of all machines together'),
    timeout: seconds.optional().describe('Deadline of each run in seconds'),
  })
    .prefault({})
    .describe('Limits in addition to those of the host'),
  retries: whole().min(0).max(10).default(2).describe('How often to repeat a cell whose outcome is infra'),
  cold: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe(
      'Share of the cells from snapshots that also run cold, from 0 to 1; unless it is 0, those that did not end as ' +
        'expected always do',
    ),
  expect: z
    .enum(EXPECTS)
    .default('auto')
    .describe(
      'What to expect of cells that are not in the baseline: the outcome in the scenario, the ' +
        "prediction, or (auto) the scenario's on its own kernels and the prediction on others",
    ),
  baseline: line('a path')
    .optional()
    .describe('File with the accepted outcomes, relative to the plan; lab matrix --update-baseline writes it'),
  fuzz: mapping({
    plan: line('the path of a plan').describe('Plan of the hunt, relative to this plan'),
    minutes: z
      .number()
      .min(0.1)
      .max(10_080)
      .optional()
      .describe('How long the hunt starts inputs, in minutes; by default what its plan says'),
  })
    .optional()
    .describe('A hunt for unknown bugs, after the cells'),
  profile: line('a path').optional().describe('Profile that pins the versions of all kernels, relative to the plan'),
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
