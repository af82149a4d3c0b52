// SPDX-License-Identifier: Apache-2.0
// Which generators there are, and what each needs to make and run its inputs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Structure } from '../../model/kernel/abi.js';
import type { Preparation } from '../../perform/prepare.js';
import { failsAllocations } from '../../run/index.js';
import { parseScenario } from '../../scenario/index.js';
import { LabError } from '../../util/errors.js';
import { packageRoot } from '../../util/package-root.js';
import { SERIES, type Series, seriesOf } from '../../handover/index.js';
import { Bytes } from '../bytes/bytes.js';
import { BytesExecutor } from '../bytes/executor.js';
import { CallsGenerator } from '../calls/calls.js';
import { CallsExecutor } from '../calls/executor.js';
import type { Random } from '../../util/random.js';
import type { Execution, Executor, Generator, GeneratorName, Input } from '../input.js';

export interface SourceSetting {
  /** Chains of kernels; mostly pairs. */
  kernels: readonly (readonly string[])[];
  preparation: Preparation;
  /** Where machines are saved. */
  folder: string;
  /** Runs stages of the preparation. */
  prepare: (stages: ReturnType<Preparation['stages']>) => Promise<void>;
}

interface Part {
  generator: Generator;
  executor: Executor;
}

/** A new generator is a line here. */
export const SOURCES: Readonly<Record<GeneratorName, (setting: SourceSetting) => Promise<Part>>> = {
  bytes: bytesOf,
  calls: callsOf,
};

/** An update between two kernels that has nothing to hand over. */
const EMPTY = 'from: a\nto: b\nsessions: []\nexpect: preserved\n';

async function callsOf({ kernels, preparation, prepare }: SourceSetting): Promise<Part> {
  const structures = new Map<string, readonly Structure[]>();
  const failing = new Set<string>();
  for (const pair of kernels)
    await prepare(preparation.stages([parseScenario(EMPTY, 'empty.yaml', { kernels: pair, rule: null })]));
  for (const name of new Set(kernels.flat())) {
    const scenario = parseScenario(EMPTY, 'empty.yaml', { from: name, to: name, rule: null });
    await prepare(preparation.stages([scenario]));
    const { formats, unread, kernels: images } = preparation.of(scenario);
    if (formats[0] == null)
      throw new LabError(`${name} has no type information, so the limits of its structures are not known`, {
        hint: 'use a kernel that the lab builds',
        detail: unread[0] ?? null,
      });
    structures.set(name, formats[0].structures);
    if (images[0] !== undefined && failsAllocations(images[0]) === true) failing.add(name);
  }
  return {
    generator: new CallsGenerator({
      chains: kernels,
      structures: (name) => structures.get(name) ?? [],
      failsAllocations: (name) => failing.has(name),
    }),
    executor: new CallsExecutor({ prepared: (scenario) => preparation.of(scenario) }),
  };
}

async function bytesOf({ kernels, preparation, folder, prepare }: SourceSetting): Promise<Part> {
  const root = join(packageRoot(), 'scenarios', 'fuzz', 'bases');
  const bases = readdirSync(root)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }));
  const generators: Bytes[] = [];
  const executors = new Map<string, Executor>();
  for (const pair of updatesOf(kernels)) {
    const [from, to] = pair;
    const scenario = parseScenario(bases[0]?.text ?? '', 'base.yaml', { from, to, rule: null });
    await prepare(preparation.stages([scenario]));
    const prepared = preparation.of(scenario);
    if (prepared.formats[0] == null || prepared.formats[0].structures.length < 3)
      throw new LabError(`${from} has no type information, so no bytes of its handover can be changed`, {
        hint: 'use --generators calls, or a kernel that the lab builds',
        detail: prepared.unread[0] ?? null,
      });
    generators.push(new Bytes({ bases, from, to, series: knownSeries(from) }));
    executors.set(pair.join(), new BytesExecutor({ prepared, folder }));
  }
  return { generator: new AnyPair(generators), executor: new ByPair(executors) };
}

/** Each update of the chains once: a change of bytes concerns one handover. */
function updatesOf(chains: SourceSetting['kernels']): [string, string][] {
  const updates = chains.flatMap((chain) =>
    chain.slice(1).map((to, index): [string, string] => [chain[index] ?? to, to]),
  );
  return [...new Map(updates.map((update) => [update.join(), update])).values()];
}

function knownSeries(kernel: string): Series {
  const series = seriesOf({ release: kernel, stock: true });
  if (series !== null) return series;
  throw new LabError(`the lab does not know which bytes ${kernel} hands over`, {
    hint: `use --generators calls, or a kernel of ${SERIES.join(', ')}`,
  });
}

class AnyPair implements Generator {
  readonly name = 'bytes';
  constructor(private readonly generators: readonly Bytes[]) {}

  fresh(random: Random): Input {
    return (this.generators[random.below(this.generators.length)] as Bytes).fresh(random);
  }

  mutate(input: Input, random: Random): Input {
    return (this.generators[random.below(this.generators.length)] as Bytes).mutate(input, random);
  }
}

class ByPair implements Executor {
  constructor(private readonly executors: ReadonlyMap<string, Executor>) {}

  execute(input: Input, signal: AbortSignal): Promise<Execution> {
    const executor = this.executors.get(input.scenario.kernels.join());
    if (executor === undefined)
      throw new LabError(
        `the corpus has an input for ${input.scenario.kernels.join(' -> ')}, which is not in the plan`,
      );
    return executor.execute(input, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const executor of this.executors.values()) await executor[Symbol.asyncDispose]();
  }
}
