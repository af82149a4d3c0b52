// SPDX-License-Identifier: Apache-2.0
// The schema of result.json: the single source for the committed JSON Schema and for reading results.
import { z } from 'zod';
import { ENDINGS, OUTCOMES } from '../../model/result/outcome.js';
import { POLICIES } from '../../model/scenario/scenario.js';
import { CASE_STATES } from '../../model/scenario/selftest.js';
import { WITNESSES } from '../../model/result/witness.js';
import { RUNGS } from '../../model/result/snapshot.js';
import { PHYS_STATES, RESULT_SCHEMA, type Result } from '../../model/result/result.js';
import { FOLLOWED_STATES } from '../../model/evidence/handed-over.js';
import { downtimeResult, guestResult, impairedResult, recoveryResult } from './guest-schema.js';
import { deviceResult, iommuResult } from './hardware-schema.js';

const component = z.object({ name: z.string(), version: z.number().int() });
const kernel = z.object({
  name: z.string(),
  release: z.string().nullable(),
  components: z.array(component),
  sha256: z.string(),
  image: z
    .object({ variant: z.enum(['full', 'core']), store: z.string().nullable() })
    .optional()
    .describe('Which variant ran, and the image store that it came from'),
});
const incident = z.object({
  source: z.enum(['lab', 'console', 'qmp', 'agent', 'memory', 'deadline']),
  side: z.enum(['inside', 'outside']),
  implies: z.enum(OUTCOMES).nullable().describe('The outcome that this evidence alone would stand for'),
  title: z.string().describe('Canonical: the same bug has the same title every night'),
  detail: z.string(),
  epoch: z.number().int(),
  t: z.number().describe('Milliseconds since the run began'),
});
const mismatch = z.object({
  component: z.string(),
  wrote: z.number().int().nullable(),
  reads: z.array(z.number().int()),
  endsIn: z.enum(ENDINGS),
  source: z.enum(['images', 'run']),
  detail: z.string(),
});
const count = z.number().int().min(0);
const selftestCase = z.object({
  epoch: count,
  test: z.string(),
  name: z.string(),
  state: z.enum(CASE_STATES),
  detail: z.string(),
});
const object = z.object({ array: count, badArray: count, state: z.number(), label: z.string(), arrived: count });
const resource = z.object({
  kind: z.enum(['memfd', 'object', 'guest-ram', 'guest-state', 'reserve_mem']),
  name: z.string(),
  session: z.string().nullable(),
  token: z.union([z.number(), z.string().regex(/^\d{16,20}$/)]).nullable(),
  epoch: count,
  state: z.enum(['intact', 'corrupt', 'leaked', 'lost', 'unjudged']),
  size: count,
  pages: count,
  hugeKiB: count,
  inside: z
    .object({
      pages: count,
      bad: count,
      size: z.number(),
      position: z.number(),
      seals: z.array(z.string()),
      blocks: count,
      mode: count.nullable().optional(),
      access: z.string().nullable().optional(),
      object: object.nullable(),
    })
    .nullable(),
  outside: z.object({ pages: count, different: count, overwritten: count, readable: count }).nullable(),
  problems: z.array(z.string()),
});
const memory = z.object({
  pagesPreserved: count,
  pagesIntact: count,
  pagesLeaked: count,
  pagesLost: count,
  pagesCorrupt: count,
  updates: z.array(
    z.object({
      epoch: count,
      markedOnArrival: count.nullable(),
      markedAtEnd: count.nullable(),
      baseline: z.array(z.object({ what: z.string(), phys: z.string(), pages: count })),
      map: z
        .array(z.object({ phys: z.string(), pages: count, state: z.enum(PHYS_STATES) }))
        .default([])
        .describe('Physical memory: what became of each page of the files'),
      mapLeftOut: count.default(0),
    }),
  ),
});
const attempt = z.object({
  epoch: count.describe('The kernel that was to hand over'),
  attempt: z.number().int().min(1).describe('Counts from 1 in each kernel'),
  state: z.enum(['judged', 'refused', 'ended']),
  sessions: count,
  files: count,
  at: z.number().describe('Milliseconds since the run began'),
  why: z.string().nullable(),
});
const prediction = z.object({
  outcome: z.enum(OUTCOMES),
  endsIn: z.enum(ENDINGS),
  where: z.string().nullable(),
  component: z.string().nullable().default(null).describe('What decides: a component, scratch, memory'),
  signs: z
    .array(z.string())
    .default([])
    .describe('Texts, one of which the run must show for the prediction to be right'),
  mismatches: z.array(mismatch),
  reasons: z.array(z.string()),
  hit: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Outcome, ending and reason were as predicted; null in older results'),
});

const witness = z.object({
  looked: z.boolean(),
  counted: count,
  why: z.string().nullable(),
  required: z.boolean().describe('The verdict needs it'),
  waived: z.boolean().describe('The user does without it'),
});
const taint = z.object({ before: count.nullable(), after: count.nullable(), flags: z.array(z.string()) });

const sandbox = z.object({
  kind: z.enum(['bwrap', 'setpriv', 'none']),
  user: z.enum(['own', 'lab']).describe("A user that nobody else is, or the lab's own without its rights"),
  why: z.string().nullable().describe('Why it was not better; null for the best'),
  command: z.array(z.string()).describe("In front of QEMU's own command"),
});

const snapshot = z.union([
  z.object({
    rung: z.enum(RUNGS),
    key: z.string().describe('Names the saved machine in the cache'),
    savedAt: z.string(),
  }),
  z.object({ none: z.string() }),
]);

const fileMetadata = z
  .object({
    mode: count.describe('Type and permission bits, as in st_mode'),
    size: z.number(),
    seals: count.describe('F_SEAL_* as bits'),
    position: z.number().nullable().describe('Null unless all descriptors of the file agree'),
  })
  .nullable();

const handedOver = z.object({
  epoch: count.describe('The kernel that received it'),
  blind: z.string().nullable().describe('Why nothing was followed'),
  sessions: count,
  pages: count,
  files: z.array(
    z.object({
      kind: z.enum(['file', 'reserved', 'others']),
      session: z.string().nullable(),
      name: z.string().describe('The token, or the name of reserved memory'),
      handler: z.string(),
      pages: count,
      state: z.enum(FOLLOWED_STATES),
      arrived: count,
      cached: count,
      marked: count,
      released: count,
      changed: count,
      problems: z.array(z.string()),
      pattern: z
        .enum(['intact', 'corrupt', 'leaked', 'lost', 'unjudged'])
        .nullable()
        .describe('What the judge of patterns says of the same file'),
      before: fileMetadata.default(null).describe('Its inode in the old kernel, at the jump; null if it was not found'),
      after: fileMetadata.default(null).describe('Its inode in the next kernel, when the update was judged'),
    }),
  ),
  filesLeftOut: count,
  ms: z.number().describe('Milliseconds that the run spent on it'),
  problems: z.array(z.string()),
});

export const resultSchema = z.object({
  schema: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5), z.literal(RESULT_SCHEMA)]),
  id: z.string(),
  scenario: z.object({ name: z.string(), description: z.string(), tags: z.array(z.string()), file: z.string() }),
  from: kernel,
  to: kernel,
  kernels: z.array(kernel),
  policy: z.enum(POLICIES),
  outcome: z.enum(OUTCOMES),
  endsIn: z.enum(ENDINGS),
  cause: incident.nullable(),
  expected: z.enum(OUTCOMES),
  expectedEndsIn: z.enum(ENDINGS).nullable().describe('Where it does not follow from the outcome'),
  asExpected: z.boolean(),
  predicted: prediction.nullable(),
  mismatches: z.array(mismatch),
  attempts: z.array(attempt).default([]).describe('Every attempt to update, in order'),
  resources: z.array(resource),
  devices: z.array(deviceResult).default([]),
  iommu: iommuResult.nullable().default(null),
  guests: z.array(guestResult).default([]),
  downtime: z.array(downtimeResult).default([]),
  impaired: impairedResult
    .nullable()
    .default(null)
    .describe('What the host is left with; null where it can go on as before'),
  recovery: recoveryResult.nullable().default(null),
  cases: z.array(selftestCase).default([]),
  incidents: z.array(incident),
  memory,
  handedOver: z
    .array(handedOver)
    .default([])
    .describe('What became of each page that was handed over, no matter who preserved it'),
  witnesses: z.partialRecord(z.enum(WITNESSES), witness).default({}).describe('Who could see what'),
  taint: taint.nullable().default(null),
  timeline: z.array(z.object({ t: z.number(), epoch: count, what: z.string() })),
  qemu: z.object({
    version: z.string(),
    accel: z.string(),
    commandLine: z.string(),
    sandbox: sandbox.nullable().default(null).describe('What QEMU ran in; null in older results'),
  }),
  snapshot: snapshot
    .nullable()
    .default(null)
    .describe('The saved machine that the run started from, or why it booted; null in older results'),
  durations: z.record(z.string(), z.number()).describe('Milliseconds'),
  lab: z
    .object({
      cpuMs: z.number(),
      peakRssKiB: z.number(),
      loopDelay: z
        .object({ p99: z.number(), max: z.number() })
        .nullable()
        .default(null)
        .describe("How late the lab's event loop was during the run, in milliseconds; null in older results"),
    })
    .describe("What the lab's own process has used so far"),
  versions: z.object({ lab: z.string(), node: z.string() }),
  startedAt: z.string(),
});

// The schema and the type must be the same.
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const same: Same<z.infer<typeof resultSchema>, Result> = true;
void same;

export function resultJsonSchema(): unknown {
  return z.toJSONSchema(resultSchema, { target: 'draft-7', io: 'output' });
}
