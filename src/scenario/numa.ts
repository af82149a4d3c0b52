// SPDX-License-Identifier: Apache-2.0
// NUMA nodes of a machine: a number of equal ones, or a list whose parts must add up.
import type { NumaNode } from '../model/scenario/scenario.js';
import { MIB } from './schema/limits.js';
import type { ScenarioInput } from './schema/scenario.js';
import type { Problems } from './source/problems.js';

type Given = NonNullable<ScenarioInput['machine']['numa']>;
interface Whole {
  memory: number;
  cpus: number;
}

const PATH = ['machine', 'numa'];

export function nodesOf(given: Given, machine: Whole, problems: Problems): NumaNode[] {
  if (typeof given === 'number') return equalNodes(given, machine);
  const cpus = share(machine.cpus, given.length);
  const nodes = given.map((node, at) => ({ memory: node.memory, cpus: node.cpus ?? cpus[at] ?? 0 }));
  for (const [at, { memory }] of nodes.entries())
    if (memory === 0 || memory % MIB !== 0)
      problems.add([...PATH, at, 'memory'], `expected memory in whole MiB, found ${memory} bytes`);
  for (const what of ['memory', 'cpus'] as const) {
    const sum = nodes.reduce((total, node) => total + node[what], 0);
    if (sum === machine[what]) continue;
    const unit = what === 'memory' ? ' bytes of memory' : ' cpus';
    problems.add(
      PATH,
      `expected nodes with all of the machine: ${machine[what]}${unit}; found ${sum}${unit}`,
      'machine.memory and machine.cpus are the whole machine',
    );
  }
  return nodes;
}

function equalNodes(count: number, { memory, cpus }: Whole): NumaNode[] {
  const mib = share(memory / MIB, count);
  const own = share(cpus, count);
  return mib.map((size, at) => ({ memory: size * MIB, cpus: own[at] ?? 0 }));
}

/** Whole parts, as equal as possible; the first ones are larger. */
function share(whole: number, parts: number): number[] {
  return Array.from({ length: parts }, (_, at) => Math.floor(whole / parts) + (at < Math.floor(whole) % parts ? 1 : 0));
}
