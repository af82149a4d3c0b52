// SPDX-License-Identifier: Apache-2.0
// Resolves a kernel's name on the command line: a definition by name or path, a folder with a bzImage, or a bzImage.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf, UsageError } from '../../util/errors.js';
import { pathKind } from '../../util/path-kind.js';
import { type KernelDefinition, knownDefinitions, type Prebuilt, readDefinition, unknownKernel } from './definition.js';

export type ResolvedKernel =
  | { kind: 'definition'; definition: KernelDefinition }
  /** Ready-made files. */
  | { kind: 'files'; files: Prebuilt };

/** Throws a UsageError with the known names if there is no such kernel. Fetches and builds nothing. */
export function resolveKernel(nameOrPath: string): ResolvedKernel {
  const known = nameOrPath.includes('/') ? undefined : knownDefinitions().get(nameOrPath);
  if (known !== undefined) return { kind: 'definition', definition: readDefinition(known) };
  // A misspelt name must not become a file that happens to lie in this folder.
  if (!isPath(nameOrPath)) throw unknown(nameOrPath);
  const path = resolve(nameOrPath);
  const kind = pathKind(path);
  if (kind === null) {
    if (!nameOrPath.includes('/')) throw new UsageError(unknownKernel(nameOrPath));
    throw new UsageError(`no kernel at ${nameOrPath}: there is no such file or folder`);
  }
  if (kind === 'folder') return { kind: 'files', files: filesOf(path) };
  if (/\.ya?ml$/.test(path)) return { kind: 'definition', definition: readDefinition(path) };
  return { kind: 'files', files: { bzImage: path, vmlinux: null, config: null, systemMap: null } };
}

/** Whether its name alone finds this definition. */
export function isKnown({ name, file }: KernelDefinition): boolean {
  return knownDefinitions().get(name) === file;
}

/** Why no definition has this name; null if one has. Reads no file that the name could mean as a path. */
export function nameProblem(name: string): string | null {
  const file = knownDefinitions().get(name);
  if (file === undefined) return unknownKernel(name);
  try {
    readDefinition(file);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** A path has a slash or the ending of a definition. Everything else is a name. */
export function isPath(nameOrPath: string): boolean {
  return nameOrPath.includes('/') || /\.ya?ml$/.test(nameOrPath);
}

function unknown(name: string): UsageError {
  const isThere = name !== '' && existsSync(resolve(name));
  return new UsageError(unknownKernel(name), {
    hint: isThere ? `./${name}   if you mean the file or folder here` : null,
  });
}

/** Finds ready-made files in a folder: the output of TuxMake, a folder of this cache, or a tree with a built kernel. */
function filesOf(folder: string): Prebuilt {
  const first = (...names: string[]) =>
    names.map((name) => join(folder, name)).find((path) => existsSync(path)) ?? null;
  const bzImage = first('bzImage', 'arch/x86/boot/bzImage');
  if (bzImage === null) throw new UsageError(`no kernel in ${folder}: it has no bzImage`);
  return {
    bzImage,
    vmlinux: first('vmlinux', 'vmlinux.xz', 'vmlinux.gz', 'vmlinux.zst'),
    config: first('config', '.config', 'kernel.config'),
    systemMap: first('System.map'),
  };
}
