// SPDX-License-Identifier: Apache-2.0
// Builds of kernels that neither the lab nor this user's own image folders ($LAB_IMAGES) define. Their makefiles and
// their configuration may run anything, so they run in a sandbox without network and without rights. They see their own
// tree, and share neither objects nor hard-linked source files with other kernels.
import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostSandbox, INSTALL, sandboxedCommand } from '../../sandbox/index.js';
import { LabError } from '../../util/errors.js';
import { shellQuote } from '../../util/text/shell-quote.js';
import type { Workspace } from '../context.js';
import { definitionFolders, type KernelDefinition } from '../definition/definition.js';
import { gitOf } from './checkout.js';

/** How the commands of one build run. */
export interface Confinement {
  ccache: string;
  /** The path of the tree for its commands. */
  at: string;
  /** The command that runs `argv` in the tree. */
  command(argv: readonly string[]): string[];
}

/** Bytes of address space for each process, and of each file. A link of the whole kernel takes 2 GiB. */
const MEMORY = 32 * 2 ** 30;
const FILE = 16 * 2 ** 30;
const PROCESSES = 4096;

/** Whether a kernel is defined outside the lab's own folder and those of $LAB_IMAGES. */
export function isForeign({ file }: Pick<KernelDefinition, 'file'>): boolean {
  const folder = realOf(dirname(file));
  return !definitionFolders().some((known) => realOf(known) === folder);
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** A kernel of the lab builds as it is. A foreign one is refused if the host has no sandbox for it. */
export async function confinementOf(
  definition: KernelDefinition,
  tree: { path: string; name: string; at?: string },
  work: Workspace,
): Promise<Confinement> {
  if (!isForeign(definition)) return { ccache: work.cache.ccache(), at: tree.path, command: (argv) => [...argv] };
  const sandbox = await hostSandbox();
  if (sandbox.kind !== 'bwrap')
    throw new LabError(
      `${definition.name} is not one of the lab's kernels, and this host has no sandbox to build it in`,
      {
        detail: sandbox.why,
        hint: `${INSTALL}; or, if you trust it: LAB_IMAGES=${shellQuote(dirname(definition.file))}`,
      },
    );
  const ccache = join(work.cache.dir, 'ccache-foreign', tree.name);
  mkdirSync(ccache, { recursive: true });
  const git = gitOf(definition);
  const at = tree.at ?? tree.path;
  const read = [
    dirname(work.cache.program('compile')),
    ...definition.patches,
    // Git outside the sandbox reads this, and it can name programs.
    ...(git === null ? [] : [join(tree.path, '.git'), git.path]),
  ];
  return {
    ccache,
    at,
    command: (argv) =>
      sandboxedCommand(
        sandbox,
        {
          read,
          write: [...(at === tree.path ? [tree.path] : []), ccache],
          moved: at === tree.path ? [] : [{ path: tree.path, at }],
          devices: [],
          network: 'none',
          cwd: at,
          limits: { memory: MEMORY, processes: PROCESSES, fileSize: FILE },
          proc: true,
        },
        argv,
        work.cache.dir,
      ),
  };
}
