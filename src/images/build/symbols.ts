// SPDX-License-Identifier: Apache-2.0
// Provides a vmlinux with file and line for a kernel that was built without: the same definition with debug
// information, built on demand. It describes the running kernel only if every function has the same address, which is
// checked.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError, readElf, sectionsNamed } from '../../compat/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { packageRoot } from '../../util/package-root.js';
import { type ImageContext, openWorkspace } from '../context.js';
import { onDisk } from '../cache/cache.js';
import type { KernelDefinition } from '../definition/definition.js';
import { ensureDefined, findBuilt } from './kernel.js';
import { resolveKernel } from '../definition/resolve.js';
import { withFile } from '../binary/section.js';

export interface Symbols {
  /** ELF file for a debugger; null if there is none at all. */
  vmlinux: string | null;
  /** It has file and line, and every function has the same address as in the kernel. */
  lines: boolean;
  /** The reason if it has not; null if all is well. */
  why: string | null;
}

const FRAGMENT = 'symbols.config';

/**
 * Finds symbols, and builds them if needed.
 * @param name the kernel's name or path, as the user gave it
 */
export async function ensureSymbols(name: string, image: KernelImage, context: ImageContext): Promise<Symbols> {
  if (image.vmlinux !== null && describesLines(image.vmlinux))
    return { vmlinux: image.vmlinux, lines: true, why: null };
  const wanted = resolveKernel(name);
  if (wanted.kind === 'files' || wanted.definition.prebuilt !== null) {
    return {
      vmlinux: image.vmlinux,
      lines: false,
      why: `${name} is ready-made: its vmlinux has no line information, and there is no source to build one from`,
    };
  }
  const work = openWorkspace(context);
  return compared(name, image, await onDisk(work.cache, () => ensureDefined(describedBy(wanted.definition), work)));
}

/** Finds symbols that already exist; null if they would have to be built. */
export async function findSymbols(name: string, image: KernelImage, context: ImageContext): Promise<Symbols | null> {
  if (image.vmlinux !== null && describesLines(image.vmlinux))
    return { vmlinux: image.vmlinux, lines: true, why: null };
  const wanted = resolveKernel(name);
  if (wanted.kind === 'files' || wanted.definition.prebuilt !== null) return null;
  const described = await findBuilt(describedBy(wanted.definition), openWorkspace(context));
  return described === null ? null : compared(name, image, described);
}

function describedBy(definition: KernelDefinition): KernelDefinition {
  return {
    ...definition,
    name: `${definition.name}-symbols`,
    config: [...definition.config, join(packageRoot(), 'images', 'config', FRAGMENT)],
  };
}

function compared(name: string, image: KernelImage, described: KernelImage): Symbols {
  const moved = movedFunctions(image.systemMap, described.systemMap);
  return moved === null
    ? { vmlinux: described.vmlinux, lines: true, why: null }
    : { vmlinux: image.vmlinux, lines: false, why: `${name} differs when built with debug information: ${moved}` };
}

/** Returns null if all functions of two System.maps have the same addresses; otherwise, what differs. */
export function movedFunctions(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return 'there is no System.map to compare';
  const [one, other] = [functionsIn(readFileSync(a, 'latin1')), functionsIn(readFileSync(b, 'latin1'))];
  const moved = [...one].filter((line) => !other.has(line));
  return moved.length === 0
    ? null
    : `${moved.length} of ${one.size} functions lie elsewhere, such as ${moved[0]?.split(' ')[1] ?? ''}`;
}

function functionsIn(map: string): Set<string> {
  return new Set(
    [...map.matchAll(/^([0-9a-f]{16}) [tT] (\S+)$/gm)].map(([, address = '', name = '']) => `${address} ${name}`),
  );
}

function describesLines(path: string): boolean {
  try {
    return withFile(path, (source) => sectionsNamed(readElf(source), '.debug_line').length > 0);
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
