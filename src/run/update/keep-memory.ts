// SPDX-License-Identifier: Apache-2.0
// Keeps the machine's memory for later: at the jump what is handed over, at the end of a run every page in use. If it
// cannot be kept, an event says so; the verdict stays the same.
import type { MemoryKeeper } from '../engine/plan.js';
import { dumpHandover, HandoverError, PageCache } from '../../handover/index.js';
import type { ImageHead, ImagePages } from '../../model/result/memory-image.js';
import type { MemoryView } from '../../qemu/memory.js';
import { LabError, messageOf } from '../../util/errors.js';
import type { Needs } from '../engine/parts.js';
import { outgoing } from './handover.js';
import type { Machine } from '../machine/machine.js';
import type { Recorder } from '../engine/recorder.js';

const PAGE = 4096;
const CHUNK = 4 << 20;
const ZEROS = Buffer.alloc(PAGE);

/**
 * Page frames of the handover's structures, read before a fault makes a part of them unreachable; none if they are
 * damaged already.
 */
export async function pagesOfHandover(parts: Needs<'plan' | 'recorder' | 'state' | 'view'>): Promise<number[]> {
  if (parts.plan.memory?.jumps !== true) return [];
  try {
    const source = await outgoing(parts);
    const cache = new PageCache(source.read);
    dumpHandover({ ...source, read: cache.read });
    return cache.pages().map(({ pfn }) => pfn);
  } catch (error) {
    if (error instanceof LabError) return [];
    throw error;
  }
}

/** At the jump: keeps all structures that the next kernel will find, and those that it would find without faults. */
export async function keepHandover(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view' | 'machine'>,
  before: readonly number[],
): Promise<void> {
  const keeper = parts.plan.memory;
  if (keeper?.jumps !== true) return;
  const { machine, recorder, state } = parts;
  try {
    const source = await outgoing(parts);
    const cache = new PageCache(source.read);
    for (const pfn of before) cache.read(pfn * PAGE, new Uint8Array(PAGE));
    dumpHandover({ ...source, read: cache.read });
    await keep(
      keeper,
      recorder,
      {
        moment: 'jump',
        epoch: recorder.epoch,
        root: state.outgoingRoot,
        pages: 'handover',
        ranges: rangesOf(machine.memory),
      },
      cache.pages(),
    );
  } catch (error) {
    if (!(error instanceof HandoverError)) throw error;
    recorder.event({ kind: 'note', text: `what is handed over was not kept: ${error.message}` });
  }
}

/** At the end of the run, when the machine has stopped. */
export async function keepMemory(
  keeper: MemoryKeeper,
  machine: Machine,
  recorder: Recorder,
  root: number | null,
): Promise<void> {
  await keep(
    keeper,
    recorder,
    { moment: 'end', epoch: recorder.epoch, root, pages: 'used', ranges: rangesOf(machine.memory) },
    usedPages(machine.memory),
  );
}

async function keep(
  keeper: MemoryKeeper,
  recorder: Recorder,
  head: ImageHead,
  pages: Iterable<ImagePages>,
): Promise<void> {
  try {
    const whole = await keeper.keep(head, pages);
    recorder.event({
      kind: 'note',
      text: `memory kept (${head.moment} of epoch ${head.epoch})${whole ? '' : ', cut at the limit'}`,
    });
  } catch (error) {
    recorder.event({ kind: 'note', text: `memory was not kept: ${messageOf(error)}` });
  }
}

function rangesOf(memory: MemoryView): ImageHead['ranges'] {
  return memory.ranges.map(({ start, end }) => [start, end]);
}

/** Ranges of pages that hold anything but zeros. A range is valid only until the next one is requested. */
export function* usedPages(memory: Pick<MemoryView, 'ranges' | 'read'>): Generator<ImagePages> {
  const chunk = Buffer.alloc(CHUNK);
  for (const { start, end } of memory.ranges) {
    for (let at = start; at < end; at += CHUNK) {
      const bytes = chunk.subarray(0, Math.min(CHUNK, end - at));
      if (!memory.read(at, bytes)) continue;
      let from = -1;
      for (let page = 0; page <= bytes.length; page += PAGE) {
        const used = page < bytes.length && !bytes.subarray(page, page + PAGE).equals(ZEROS);
        if (used && from < 0) from = page;
        if (used || from < 0) continue;
        yield { pfn: (at + from) / PAGE, bytes: bytes.subarray(from, page) };
        from = -1;
      }
    }
  }
}
