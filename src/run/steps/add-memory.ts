// SPDX-License-Identifier: Apache-2.0
// A memory module that is added while a kernel runs.
import { within } from '../../util/deadline.js';
import { commandWithin, PASSED, type StepReply } from '../agent/reply.js';
import type { Operation } from '../engine/operation.js';
import type { Needs } from '../engine/parts.js';
import { managedPages } from '../judge/files.js';

function failed(errno: string, at: string): StepReply {
  return { ok: false, errno, at };
}

/** A kernel without memory hotplug answers over ACPI that all is well, so its own count of pages decides. */
export async function addMemory(
  parts: Needs<'machine' | 'agents'>,
  { size, timeout }: Extract<Operation, { op: 'hotplug-memory' }>,
): Promise<StepReply> {
  const { machine } = parts;
  const before = await managedPages(parts);
  const { taken } = await machine.addMemory(size);
  const limit = { ms: timeout * 1000, what: 'answer to a memory module', whose: 'command' } as const;
  const answer = await commandWithin(within(taken, { ...limit, signal: machine.ended }));
  if (typeof answer !== 'string') return answer;
  if (answer === 'refused') return failed('EIO', 'the kernel refused the memory module');
  const after = await managedPages(parts);
  if (before === null || after === null) return failed('ENODEV', 'the kernel does not say how many pages it manages');
  return after > before ? PASSED : failed('ENODEV', `the kernel manages ${after} pages, and ${before} before`);
}
