// SPDX-License-Identifier: Apache-2.0
// A whole scenario file. The committed JSON Schema is generated from this.
import { z } from 'zod';
import { ENDINGS, OUTCOMES } from '../../model/result/outcome.js';
import { FAILING_STEPS } from '../../model/scenario/failing.js';
import { POLICIES, RECOVERIES } from '../../model/scenario/scenario.js';
import { SIGNERS } from '../../model/kernel/signing.js';
import { TAINT_NAMES } from '../../model/result/taint.js';
import { WITNESSES } from '../../model/result/witness.js';
import { GIB, LIMITS } from './limits.js';
import { device, iommu } from './devices.js';
import { faultEntry } from './faults.js';
import { session } from './sessions.js';
import { step } from './steps.js';
import { kernel, line, mapping, seconds, seed, size, whole } from './values.js';

/** The ways to end an update. */
export const KEXEC_WAYS = ['file', 'legacy', 'abort', 'kill-agent'] as const;

const cmdline = z
  .object({
    all: line('kernel parameters').optional().describe('For every kernel'),
    from: line('kernel parameters').optional().describe('For the first kernel'),
    to: line('kernel parameters').optional().describe('For the last kernel'),
  })
  .catchall(line('kernel parameters'))
  .superRefine((value, context) => {
    const unknown = Object.keys(value).filter((key) => !/^(all|from|to|0|[1-9]\d*)$/.test(key));
    if (unknown.length > 0)
      context.addIssue({ code: 'unrecognized_keys', keys: unknown, input: value, message: 'all,from,to,0,1' });
  })
  .meta({
    description:
      "Kernel parameters in addition to the lab's own, by epoch: all, from, to, or the number of " +
      'the epoch (0, 1, ...)',
  });

const numaNode = mapping({
  memory: size.describe('RAM of the node, in whole MiB; all nodes together have the RAM of the machine'),
  cpus: whole()
    .min(0)
    .max(LIMITS.cpus)
    .optional()
    .describe('Virtual CPUs of the node; by default an equal share. All nodes together have those of the machine'),
});

const outcome = z.enum(OUTCOMES);
const selftest = z
  .string({ error: 'expected the name of a test' })
  .regex(/^[a-z][a-z0-9_]{0,63}$/, { error: 'expected the name of a test, such as luo_multi_session' });

export const scenarioSchema = mapping({
  name: line('a name').optional().describe('Name; by default the name of the file'),
  description: z.string().default('').describe('What it shows, in a sentence'),
  tags: z.array(line('a tag')).default([]).describe('Words for selecting scenarios'),
  from: kernel.optional().describe('The kernel that runs first and hands over: a name (lab images list) or a path'),
  to: kernel.optional().describe('The kernel that runs after the update'),
  chain: z
    .array(kernel)
    .min(2)
    .max(LIMITS.kernels)
    .optional()
    .describe('More than one update: all kernels in order, instead of from and to'),
  machine: mapping({
    memory: size.default(GIB).describe('RAM; 256MiB to 64GiB'),
    cpus: whole().min(1).max(LIMITS.cpus).optional().describe('Virtual CPUs; by default 2, and 1 with guests'),
    numa: z
      .union([whole('a number of nodes').min(1).max(LIMITS.nodes), z.array(numaNode).min(1).max(LIMITS.nodes)], {
        error: `expected a number of nodes up to ${LIMITS.nodes}, or a list of nodes`,
      })
      .optional()
      .describe('NUMA nodes: how many, of the same size, or a list of them; by default the machine has none'),
    icount: z
      .boolean()
      .default(false)
      .describe("Emulated CPUs count instructions, so that the machine's time does not depend on the host's load"),
    seed: whole('a seed: a whole number of 32 bits')
      .min(0)
      .max(0xffffffff)
      .optional()
      .describe("Seed of the machine's random numbers, 32 bits. With icount, runs are the same as far as possible"),
    qemuArgs: z.array(z.string()).default([]).describe('Extra arguments for QEMU'),
  })
    .prefault({})
    .describe('The machine'),
  cmdline: cmdline.prefault({}),
  reserveMem: z
    .array(
      mapping({
        name: z.string().regex(/^[A-Za-z0-9_.-]{1,15}$/, { error: 'expected a name of at most 15 letters and digits' }),
        size: size.describe('Size, a multiple of the page size'),
        seed: seed.optional(),
      }),
    )
    .default([])
    .describe('Memory reserved by name on the kernel command line (reserve_mem=), checked after the update'),
  userspace: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, { error: 'expected the name of a user space, such as systemd' })
    .optional()
    .describe('Another system as user space, such as systemd; commands run there. By default the small one of the lab'),
  iommu,
  devices: z.array(device).default([]).describe('Devices for pass-through, each at a fixed address'),
  sessions: z
    .array(session)
    .optional()
    .describe('Short form: sessions and their files, from which the lab makes the steps'),
  kselftest: z
    .union([
      selftest,
      mapping({
        test: selftest,
        tree: kernel
          .optional()
          .describe('The kernel whose source has the test; by default each kernel runs the test of its own source'),
        stages: z
          .union([z.literal(1), z.literal(2)])
          .optional()
          .describe(
            '2: stage 1 before the update, stage 2 after it; 1: it runs on every kernel. 2 for luo_* and test_kho',
          ),
        args: z.array(line('an argument')).max(16).default([]).describe('Arguments besides the stage'),
        timeout: seconds.default(LIMITS.selftestTimeout).describe('Seconds after which a stage fails'),
      }),
    ])
    .optional()
    .describe(
      "One of the kernel's own tests, instead of sessions or steps: a program of " +
        "tools/testing/selftests/liveupdate, built from each kernel's source, or test_kho",
    ),
  kexec: z
    .enum(KEXEC_WAYS)
    .optional()
    .describe(
      'Short form: how the last update ends. file: kexec_file_load; legacy: kexec_load, which ' +
        'hands nothing over; abort: call it off after loading; kill-agent: kill the agent before the ' +
        'kexec',
    ),
  sign: z
    .enum(SIGNERS)
    .optional()
    .describe(
      'The image of each next kernel is signed. trusted: with a key of this run that the running kernel trusts; ' +
        'stranger: with one that no kernel knows. By default it is loaded as it was built',
    ),
  faults: z.array(faultEntry).default([]).describe('Faults to inject during an update'),
  steps: z.array(step).min(1).optional().describe('Explicit form: every operation in order, instead of sessions'),
  expect: z
    .union(
      [
        outcome,
        mapping({
          outcome,
          endsIn: z.enum(ENDINGS).optional().describe('The expected ending; by default the ending of the outcome'),
        }),
      ],
      { error: `expected an outcome: ${OUTCOMES.join(', ')}` },
    )
    .default('preserved')
    .describe('The expected outcome; preserved by default'),
  fail: mapping({
    step: z.enum(FAILING_STEPS).describe('Operation of the step; retrieve is that of a file'),
    which: whole().min(1).max(LIMITS.steps).default(1).describe('Which of these steps, from 1'),
    nth: whole().min(1).max(LIMITS.allocations).describe('Which of its allocations, from 1'),
  })
    .optional()
    .describe('One allocation of one step fails; then the step is made again, unless ENOMEM is demanded'),
  policy: z
    .enum(POLICIES)
    .default('force')
    .describe(
      'check: ask the running kernel what it would write, and call the update off if the next one ' +
        'cannot read it; force: try it in any case',
    ),
  recover: z
    .enum(RECOVERIES)
    .optional()
    .describe(
      'Recovery to try if the last update did not end well but the next kernel runs: reboot, or ' +
        'another update. Its effect is measured; the verdict does not change',
    ),
  without: z
    .array(z.enum(WITNESSES))
    .default([])
    .describe('Witnesses that the verdict does not need; without them it says less'),
  taint: z
    .array(z.enum(TAINT_NAMES))
    .default([])
    .describe('Taints that its kernels set on purpose; neither the flag nor the console message for it counts'),
  timeout: seconds
    .optional()
    .describe('Seconds after which the run ends without a verdict on the kernel; no limit by default'),
  deadline: seconds
    .optional()
    .describe('Seconds without progress after which the machine counts as hung; by default from a measured boot'),
});

export type ScenarioInput = z.output<typeof scenarioSchema>;
