// SPDX-License-Identifier: Apache-2.0
// Neighbours of a sequence: operations go, come, change places, or come once more; runs of many get longer or shorter.
import type { Random } from '../../util/random.js';
import type { Operation, Sequence } from './operation.js';

type Change = (operations: readonly Operation[], random: Random, other: readonly Operation[]) => Operation[];

/** Removes up to this many at once. */
const MAX_REMOVED = 4;
const MAX_INSERTED = 4;

function remove(operations: readonly Operation[], random: Random): Operation[] {
  const at = random.below(operations.length);
  const count = 1 + random.below(MAX_REMOVED);
  return operations.filter((_, index) => index < at || index >= at + count);
}

function duplicate(operations: readonly Operation[], random: Random): Operation[] {
  const operation = operations[random.below(operations.length)] as Operation;
  return operations.toSpliced(random.below(operations.length + 1), 0, operation);
}

function swap(operations: readonly Operation[], random: Random): Operation[] {
  const [a, b] = [random.below(operations.length), random.below(operations.length)];
  const [first, second] = [operations[a] as Operation, operations[b] as Operation];
  return operations.with(a, second).with(b, first);
}

/** Puts calls of another sequence in between. */
function insert(operations: readonly Operation[], random: Random, other: readonly Operation[]): Operation[] {
  const from = random.below(other.length);
  const some = other.slice(from, from + 1 + random.below(MAX_INSERTED)).filter(({ op }) => op !== 'kexec');
  return operations.toSpliced(random.below(operations.length + 1), 0, ...some);
}

/** Takes the last few of a run of the same calls away, or all but the first few. */
function recount(operations: readonly Operation[], random: Random): Operation[] {
  const at = random.below(operations.length);
  const { op } = operations[at] as Operation;
  let end = at;
  while (operations[end]?.op === op) end += 1;
  const keep = random.below(end - at + 1);
  return operations.filter((_, index) => index < at + keep || index >= end);
}

const CHANGES: readonly Change[] = [remove, duplicate, swap, insert, insert, recount];

/** @param other a fresh sequence, from which calls are taken */
export function mutated({ kernels, cmdline, operations }: Sequence, other: Sequence, random: Random): Sequence {
  let now = [...operations];
  for (let times = 1 + random.below(3); times > 0 && now.length > 0; times--)
    now = (CHANGES[random.below(CHANGES.length)] as Change)(now, random, other.operations);
  return { kernels, cmdline, operations: now };
}
