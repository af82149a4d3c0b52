// SPDX-License-Identifier: Apache-2.0
// Finds the handovers in a memory and reads each with the layouts of the kernel that wrote it.
import {
  dumpHandover,
  findRoots,
  HandoverError,
  metadataOf,
  PAGE,
  PageCache,
  rootVersion,
  Walk,
} from '../handover/index.js';
import type { ImageContext } from '../images/index.js';
import type { KernelAbi, Structure } from '../model/kernel/abi.js';
import type { HandoverDump } from '../model/result/handover-dump.js';
import type { MemoryImage } from '../model/result/memory-image.js';
import { kernelAbi } from '../images/abi/kernel-abi.js';

/** A kernel that may have written a handover. */
export interface Writer {
  name: string;
  /** As `uname -r` prints it; null if not known. */
  release: string | null;
  /** Version of the root tree that it writes: `kho-v4`. */
  kho: string | null;
  structures: readonly Structure[];
  abi: KernelAbi;
}

export type Memory = Pick<MemoryImage, 'read' | 'pages'>;

/**
 * Reads the layouts of kernels, given by name or path. The first time this reads the types of a kernel, which takes a
 * while. Throws a LabError if a kernel has no readable types.
 */
export async function writersOf(names: readonly string[], context: ImageContext): Promise<Writer[]> {
  const writers: Writer[] = [];
  for (const name of new Set(names)) {
    const abi = await kernelAbi(name, [], context);
    const { release, components, structures } = abi;
    const kho = components.find((component) => component.name === 'kho');
    writers.push({
      name,
      release,
      kho: kho === undefined ? null : `kho-v${kho.version}`,
      structures: structures ?? [],
      abi,
    });
  }
  return writers;
}

/**
 * Dumps all handovers. Each is read with the layouts of the kernel that it names as its writer, else of the first
 * kernel that writes this version of the root tree.
 * @param root a known root, whatever is there now; null if none is known
 * @param writers the most likely one first
 */
export function dumpMemory(memory: Memory, root: number | null, writers: readonly Writer[]): HandoverDump[] {
  const roots = [...new Set([...(root === null ? [] : [root]), ...findRoots(memory.pages())])];
  const cache = new PageCache(memory.read);
  return roots.map((at) => {
    const { writer, named } = writerOf(cache, at, writers);
    const dump = dumpHandover({ read: cache.read, root: at, structures: writer?.structures ?? [] });
    return { ...dump, layouts: { kernel: writer?.name ?? '', release: writer?.release ?? null, named } };
  });
}

function writerOf(
  { read }: PageCache,
  root: number,
  writers: readonly Writer[],
): { writer: Writer | null; named: boolean } {
  for (const writer of writers) {
    try {
      const { release } = metadataOf(new Walk({ read, root, structures: writer.structures }));
      const own = writers.find((each) => each.release === release);
      if (own !== undefined) return { writer: own, named: true };
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
    }
  }
  const page = new Uint8Array(PAGE);
  const version = read(root, page) ? rootVersion(page) : null;
  return {
    writer:
      writers.find(({ kho }) => kho !== null && kho === version) ?? (version === null ? (writers[0] ?? null) : null),
    named: false,
  };
}
