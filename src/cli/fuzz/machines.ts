// SPDX-License-Identifier: Apache-2.0
// What runs the inputs of a hunt, and what confirms its findings.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunOnce } from '../../fuzz/findings/confirm.js';
import type { Source } from '../../fuzz/hunt/inputs.js';
import { SOURCES } from '../../fuzz/hunt/sources.js';
import { type Executor, type GeneratorName, GENERATORS } from '../../fuzz/input.js';
import type { HuntPlan } from '../../fuzz/plan/plan.js';
import type { HostSlots } from '../../host/slots.js';
import type { QueueKey } from '../../matrix/redis/seal/key.js';
import { Preparation } from '../../perform/prepare.js';
import { runId } from '../../store/run/run-folder.js';
import { makeTemp, removeTemp } from '../../util/process/reaper.js';
import type { Accel } from '../common/option-values.js';
import { openRedisQueue } from '../common/redis-queue.js';
import { runSetUp } from '../common/set-up.js';
import { trialMachines } from '../run/trial-machines.js';
import { QueueExecutor } from './queue-executor.js';

export interface HuntMachines {
  sources: Source[];
  executors: ReadonlyMap<GeneratorName, Pick<Executor, 'execute'>>;
  /** Runs a scenario for a finding. */
  run: RunOnce;
  /** Machines at once. */
  jobs: number;
  /** About the capacity of the host. */
  note: string | null;
}

/** All generators alike if the plan does not say more. */
export function sharesOf({ generators }: Pick<HuntPlan, 'generators'>): ReadonlyMap<GeneratorName, number> {
  return generators ?? new Map(GENERATORS.map((name) => [name, 1]));
}

/** The queue whose workers run the inputs. */
export interface HuntQueue {
  url: string;
  key: QueueKey;
}

export interface HuntMachinesOptions {
  accel: Accel;
  /** Null: the inputs run on this host. */
  queue: HuntQueue | null;
  signal: AbortSignal;
  stack: AsyncDisposableStack;
  note: (text: string) => void;
}

/** Inputs that are in the queue at once, unless the plan or the user says otherwise: nobody knows the workers. */
const QUEUED = 16;

/** Builds what is missing. What must be given back is on the stack. */
export async function huntMachines(plan: HuntPlan, options: HuntMachinesOptions): Promise<HuntMachines> {
  const { accel, queue, signal, stack } = options;
  const preparation = new Preparation({ accel, signal, everyHandover: true });
  const { machines, slots, jobs, note } = trialMachines(preparation, queue === null ? plan.jobs : null);
  const folder = makeTemp(join(tmpdir(), 'lab-hunt-'));
  stack.defer(() => removeTemp(folder));
  const workers = queue === null ? null : await openWorkers(plan, queue, { ...options, folder });
  const sources: Source[] = [];
  const executors = new Map<GeneratorName, Pick<Executor, 'execute'>>();
  for (const [name, share] of sharesOf(plan)) {
    const setting = { kernels: plan.kernels, preparation, folder, prepare: runSetUp };
    const { generator, executor } = await SOURCES[name](setting);
    stack.use(executor);
    sources.push({ generator, share });
    executors.set(name, workers ?? inTurn(executor, slots));
  }
  const run: RunOnce = async (scenario, { results, snapshots, signal: aborted }) => {
    if (results !== null) return machines.run(scenario, results, aborted, { snapshots });
    const passing = makeTemp(join(tmpdir(), 'lab-trial-'));
    try {
      return await machines.run(scenario, passing, aborted, { snapshots });
    } finally {
      removeTemp(passing);
    }
  };
  return workers === null
    ? { sources, executors, run, jobs, note }
    : { sources, executors, run, jobs: plan.jobs ?? QUEUED, note: null };
}

async function openWorkers(
  plan: HuntPlan,
  { url, key }: HuntQueue,
  { signal, stack, note, folder }: HuntMachinesOptions & { folder: string },
): Promise<QueueExecutor> {
  const id = runId(new Date(), 'hunt', plan.kernels.flat());
  const setting = { url, key, id, kernels: new Set(plan.kernels.flat()), results: folder, signal, note };
  const queue = await openRedisQueue({ ...setting, onNews: () => undefined });
  stack.defer(() => queue.close());
  return new QueueExecutor({ queue, id, results: folder });
}

/** Machines of a hunt share the host with those of all other labs, and with those that confirm its findings. */
function inTurn(executor: Executor, slots: Pick<HostSlots, 'acquire'>): Pick<Executor, 'execute'> {
  return {
    execute: async (input, signal) => {
      const slot = await slots.acquire(signal);
      try {
        return await executor.execute(input, signal);
      } finally {
        slot.release();
      }
    },
  };
}
