// SPDX-License-Identifier: Apache-2.0
// The run that a command works on: named by its folder, its name or a part of its name; or the run of a bundle, which
// stays unpacked as long as the command needs it.
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { Result } from '../../model/result/result.js';
import { openBundle, type OpenBundle } from '../../repro/bundle/open.js';
import { mayResolveKernel } from '../../repro/bundle/trust.js';
import { findInResults } from '../../store/find.js';
import { readRun } from '../../store/run/read-run.js';
import { UsageError } from '../../util/errors.js';

export const RUN_ARGUMENT = 'a run (its folder, its name, or a part of its name), or a bundle (lab bundle)';

export interface RunOptions {
  results: string;
  trust?: boolean;
}

export interface OpenRun {
  /** The user can type this to name the run again. */
  name: string;
  folder: string;
  result: Result;
  /** Kernels that the bundle holds; null for a run of this host. */
  bundled: OpenBundle['kernelFiles'] | null;
  /** Whether this lab may look up a kernel by the name that the run gives it. */
  mayResolveKernel: (kernel: string) => boolean;
}

/** Adds the options of every command that takes a run or a bundle. */
export function withRunOptions(command: Command, results = 'folder of the results'): Command {
  return command
    .option('--trust', 'let a bundle use files and QEMU options of this host; only for bundles from people you trust')
    .option('--results <dir>', results, 'results');
}

/** A bundle is a file; a run is a folder. */
export const isBundle = (word: string): boolean => statSync(word, { throwIfNoEntry: false })?.isFile() === true;

/**
 * Opens the run for `body`, and removes an unpacked bundle afterwards. Throws a UsageError if the word does not name a
 * readable run, and a LabError if the bundle is refused.
 */
export async function withRun<T>(
  word: string,
  { results, trust = false }: RunOptions,
  body: (run: OpenRun) => T | Promise<T>,
): Promise<T> {
  if (!isBundle(word)) return body(runOfHost(results, word));
  const bundle = await openBundle(word, { trust });
  try {
    return await body({
      name: word,
      folder: bundle.run,
      result: bundle.result,
      bundled: bundle.kernelFiles,
      mayResolveKernel: trust ? () => true : mayResolveKernel,
    });
  } finally {
    bundle.close();
  }
}

/** Throws a UsageError if the word does not name a readable run. */
export function runOfHost(results: string, word: string): OpenRun {
  const { folder, kind, name } = findInResults(results, word);
  if (kind !== 'run') throw new UsageError(`${name} is a matrix; name one of its runs`, { hint: `lab show ${name}` });
  const read = readRun(folder);
  if (read.state !== 'whole') throw new UsageError(`${name} cannot be used: ${read.why}`);
  return { name, folder, result: read.result, bundled: null, mayResolveKernel: () => true };
}
