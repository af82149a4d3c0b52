// SPDX-License-Identifier: Apache-2.0
// Resolves a kernel's name on the command line: a definition by name or path, a folder with a bzImage, or a bzImage.
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from '../../util/errors.js';
import { type KernelDefinition, knownDefinitions, type Prebuilt, readDefinition, unknownKernel } from './definition.js';

export type ResolvedKernel =
  | { kind: 'definition'; definition: KernelDefinition }
  /** Ready-made files. */
  | { kind: 'files'; files: Prebuilt };

/** Throws a UsageError with the known names if there is no such kernel. Fetches and builds nothing. */
export function resolveKernel(nameOrPath: string): ResolvedKernel {
  const known = nameOrPath.includes('/') ? undefined : knownDefinitions().get(nameOrPath);
  if (known !== undefined) return { kind: 'definition', definition: readDefinition(known) };
  const path = resolve(nameOrPath);
  const stat = nameOrPath === '' ? undefined : statSync(path, { throwIfNoEntry: false });
  if (!stat) {
    throw new UsageError(
      nameOrPath.includes('/')
        ? `no kernel at ${nameOrPath}: there is no such file or folder`
        : unknownKernel(nameOrPath),
    );
  }
  if (stat.isDirectory()) return { kind: 'files', files: filesOf(path) };
  if (/\.ya?ml$/.test(path)) return { kind: 'definition', definition: readDefinition(path) };
  return { kind: 'files', files: { bzImage: path, vmlinux: null, config: null, systemMap: null } };
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
