// SPDX-License-Identifier: Apache-2.0
// Reads what a kernel handed over from the memory images that its run kept.
import { PageCache } from '../../handover/index.js';
import type { HandoverDump } from '../../model/result/handover-dump.js';
import type { KernelOfResult } from '../../model/result/result.js';
import { type KeptImage, imagesOfRun } from '../../store/run/images-of-run.js';
import { readMemoryImage } from '../../store/run/memory-image.js';
import { LabError, messageOf } from '../../util/errors.js';
import { dumpMemory, type Writer } from '../dump.js';

export interface KeptHandover {
  dump: HandoverDump;
  image: KeptImage;
  read: (phys: number, into: Uint8Array) => boolean;
  writers: readonly Writer[];
}

/**
 * What the kernel before `epoch` handed over: as it was at the jump, else what was left of it at the end of the run.
 */
export function handoverOf(
  { name, folder }: { name: string; folder: string },
  epoch: number,
  from: KernelOfResult,
  writers: readonly Writer[],
  notes: string[],
): KeptHandover | null {
  const images = imagesOfRun(folder);
  const image =
    images.find(({ moment, epoch: at }) => moment === 'jump' && at === epoch - 1) ??
    images.find(({ moment }) => moment === 'end') ??
    null;
  if (image === null) {
    notes.push(`this run kept no memory: lab repro ${name} --memory-image always   keeps it`);
    return null;
  }
  try {
    const memory = readMemoryImage(image.path);
    const dumps = dumpMemory(memory, memory.head.root, writers);
    // Other trees are those of other kernels: the next one makes its own.
    const dump = dumps.find(({ layouts, root }) => Number(root) === memory.head.root || layouts.kernel === from.name);
    if (dump === undefined)
      notes.push(
        `the kept memory holds no handover of ${from.name}: lab repro ${name} --memory-image always   keeps it`,
      );
    else if (image.moment === 'end')
      notes.push(
        'the handover is shown as it was at the end of the run: what the next kernel had taken by then is missing',
      );
    return dump === undefined ? null : { dump, image, read: new PageCache(memory.read).read, writers };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    notes.push(`the handover cannot be shown: ${messageOf(error)}`);
    return null;
  }
}
