// SPDX-License-Identifier: Apache-2.0
// Decides which inputs are trusted, and what data may use of this lab and this host (docs/security.md).
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { nameProblem } from '../images/index.js';
import type { HostRule } from '../model/scenario/host-use.js';
import { dataRule } from '../trust/index.js';
import { packageRoot } from '../util/package-root.js';
import { isInside, regularFileProblem } from '../util/files/regular-file.js';
import { hostMemory } from './capacity.js';

/** `trust`: the user gave --trust. */
export interface TrustOption {
  trust?: boolean | undefined;
}

/** Folders of the lab's own scenarios, plans, profiles and kernel definitions. */
const OWN_FOLDERS = ['scenarios', 'images'];
/** The most bytes of a file beside a scenario. */
export const MAX_FILE = 64 << 20;
/** Processors of a machine, even if this host has fewer. */
const MIN_CPUS = 8;

/** True if the file lies in the lab's own folders, with all links followed. */
export function shipsWithLab(file: string): boolean {
  return OWN_FOLDERS.some((folder) => isInside(file, join(packageRoot(), folder)));
}

/** The rule for a scenario or plan at this path; null if it is trusted and may use everything. */
export function ruleFor(file: string, { trust }: TrustOption): HostRule | null {
  return trust || shipsWithLab(file) ? null : ruleWithin(dirname(file));
}

/**
 * The rule for data.
 * @param folder the files of the data lie in it; null if it may use none
 */
export function ruleWithin(folder: string | null): HostRule {
  const fileProblems = new Map<string, string | null>();
  return dataRule({
    folder,
    kernelProblem: nameProblem,
    fileProblem: (path) => {
      if (folder === null) return 'only files beside the scenario, and this one has none here';
      const known = fileProblems.get(path) ?? regularFileProblem(path, { maxBytes: MAX_FILE, within: folder });
      fileProblems.set(path, known);
      return known;
    },
    planPathProblem: (path, access) => {
      // A baseline need not exist yet.
      const there = existsSync(path) ? path : dirname(path);
      if (folder !== null && isInside(there, folder)) return null;
      if (access === 'read') return shipsWithLab(path) ? null : 'only its own folder, and the scenarios of the lab';
      return 'only its own folder';
    },
    memory: hostMemory(),
    cpus: Math.max(MIN_CPUS, availableParallelism()),
  });
}
