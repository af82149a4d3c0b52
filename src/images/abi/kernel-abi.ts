// SPDX-License-Identifier: Apache-2.0
// Finds the handover format of a kernel from all sources that can be read: its own list of versions, its image, its
// source code. Notes tell what is not known.
import { readFileSync } from 'node:fs';
import {
  type ByteSource,
  collectDefines,
  CROSSING,
  crossingStructures,
  debugSections,
  FormatError,
  fromMemory,
  FURTHER_HEADERS,
  readElf,
  readTypes,
  STAYS,
  versionsFromDefines,
  versionsOf,
} from '../../compat/index.js';
import {
  type AbiObjects,
  definitionObjects,
  findBuilt,
  type ImageContext,
  isSourceTree,
  openWorkspace,
  prebuiltKernel,
  resolveKernel,
  SCANNED,
  treeObjects,
  withFile,
} from '../index.js';
import type { AbiComponent, AbiSource, KernelAbi, Structure } from '../../model/kernel/abi.js';
import type { Component } from '../../model/kernel/component.js';
import type { FilePlaces } from '../../model/kernel/file-places.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { readFilePlaces } from './file-probe.js';

/** The most debug information of a ready-made vmlinux that is read. More would take minutes. */
const MAX_VMLINUX = 192 * 2 ** 20;

const WANTED = {
  recipe: 1,
  headers: FURTHER_HEADERS,
  crosses: (name: string) =>
    CROSSING.some((pattern) => pattern.test(name)) && !STAYS.some((pattern) => pattern.test(name)),
};

/** What the lab knows of a kernel's types. */
export interface KernelTypes {
  abi: KernelAbi;
  /** Null if its compiler was not asked, as for a ready-made kernel. */
  files: FilePlaces | null;
}

/** Takes a kernel by name or path, or a source tree; with patches, as it would be with them. Builds no kernel. */
export async function kernelAbi(
  nameOrPath: string,
  patches: readonly string[],
  context: ImageContext,
): Promise<KernelAbi> {
  return (await kernelTypes(nameOrPath, patches, context)).abi;
}

/** The same, with the structures that do not cross the kexec. */
export async function kernelTypes(
  nameOrPath: string,
  patches: readonly string[],
  context: ImageContext,
): Promise<KernelTypes> {
  const work = openWorkspace(context);
  if (isSourceTree(nameOrPath))
    return fromSource(nameOrPath, await treeObjects(nameOrPath, patches, WANTED, work), null);
  const resolved = resolveKernel(nameOrPath);
  const prebuilt = resolved.kind === 'files' ? resolved.files : resolved.definition.prebuilt;
  if (prebuilt !== null)
    return { abi: fromFiles(await prebuiltKernel(nameOrPath, prebuilt, work), patches), files: null };
  if (resolved.kind !== 'definition') throw new Error('neither files nor a definition');
  const objects = await definitionObjects(resolved.definition, patches, WANTED, work);
  return fromSource(
    resolved.definition.name,
    objects,
    patches.length > 0 ? null : await findBuilt(resolved.definition, work),
  );
}

function fromSource(name: string, source: AbiObjects, image: KernelImage | null): KernelTypes {
  const notes = [...source.notes];
  const defined = versionsFromDefines(collectDefines(source.defines));
  notes.push(...defined.problems);
  let components = tagged(defined.components, 'source');
  if (image === null) {
    if (components.length > 0)
      notes.push('the versions are those of the source; which of them a built kernel has depends on its configuration');
  } else {
    const seen = imageComponents(image, notes);
    // If a searched component is in the source but not in the image, it is configured out. Numbers, and names that were
    // not searched for, prove nothing.
    components = [
      ...seen,
      ...components.filter(({ name: other }) => !SCANNED.includes(other) && versionsOf(seen, other).length === 0),
    ];
  }
  const { structures, whole } = structuresOf(source.objects, notes);
  return {
    abi: {
      name,
      release: image?.release ?? source.release,
      components: sorted(components),
      structures,
      complete: whole && source.complete,
      notes,
    },
    files: source.places === null ? null : readFilePlaces(fromMemory(readFileSync(source.places))),
  };
}

/** Components whose version is a number in memory, not a string in the image. */
const NUMBERS = ['kexec-metadata'];

function fromFiles(image: KernelImage, patches: readonly string[]): KernelAbi {
  const notes: string[] = [];
  if (patches.length > 0) notes.push('a ready-made kernel cannot be patched: the patches are ignored');
  const components = imageComponents(image, notes);
  notes.push(
    ...NUMBERS.filter((name) => versionsOf(components, name).length === 0).map(
      (name) => `${name}: its version is a number, which cannot be found in an image`,
    ),
  );
  let structures: Structure[] | null = null;
  if (image.vmlinux === null) notes.push('layouts are not known: there is no vmlinux, and a bzImage contains no types');
  else
    structures = withFile(image.vmlinux, (source) =>
      source.size > MAX_VMLINUX
        ? say(notes, `layouts are not known: a vmlinux of ${source.size} bytes is too large to read`)
        : readLayouts(source, image.vmlinux ?? '', notes),
    );
  return {
    name: image.name,
    release: image.release,
    components: sorted(components),
    structures,
    complete: false,
    notes,
  };
}

function say(notes: string[], note: string): null {
  notes.push(note);
  return null;
}

/** The kernel's own list comes first. What it lacks, such as the root, comes from the strings of the image. */
function imageComponents({ components, listed, notes: unread }: KernelImage, notes: string[]): AbiComponent[] {
  if (components.length === 0) notes.push('no version string of the handover was found in the image');
  notes.push(...unread);
  return components.map(({ name, version }) => ({
    name,
    version,
    from: listed !== null && versionsOf(listed, name).length > 0 ? 'section' : 'image',
  }));
}

function tagged(components: readonly Component[], from: AbiSource): AbiComponent[] {
  return components.map(({ name, version }) => ({ name, version, from }));
}

function sorted(components: AbiComponent[]): AbiComponent[] {
  return components.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version - b.version));
}

function structuresOf(paths: readonly string[], notes: string[]): { structures: Structure[] | null; whole: boolean } {
  const found = new Map<string, Structure>();
  let read = 0;
  for (const path of paths) {
    const structures = readLayouts(fromMemory(readFileSync(path)), 'an object of the lab', notes);
    if (structures !== null) read++;
    // The first object is that of the headers, and it takes precedence.
    for (const structure of structures ?? []) if (!found.has(structure.name)) found.set(structure.name, structure);
  }
  const sorted = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { structures: read > 0 || paths.length === 0 ? sorted : null, whole: read === paths.length };
}

function readLayouts(source: ByteSource, name: string, notes: string[]): Structure[] | null {
  try {
    const sections = debugSections(readElf(source));
    return sections === null
      ? say(notes, `layouts are not known: ${name} has no debug information`)
      : crossingStructures(readTypes(sections));
  } catch (error) {
    if (error instanceof FormatError) return say(notes, `layouts are not known: ${name}: ${error.message}`);
    throw error;
  }
}
