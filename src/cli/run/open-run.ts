// SPDX-License-Identifier: Apache-2.0
// The run that a command is given: by its folder, its name or a part of its name; or a bundle's, which is unpacked for
// as long as it is used.
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { Result } from '../../model/result/result.js';
import { openBundle, type OpenBundle } from '../../repro/bundle/open.js';
import { mayAsk } from '../../repro/bundle/trust.js';
import { findInResults } from '../../store/find.js';
import { readRun } from '../../store/run/read-run.js';
import { UsageError } from '../../util/errors.js';

export const A_RUN = 'a run (its folder, its name, or a part of its name), or a bundle (lab bundle)';

export interface RunOptions {
  results: string;
  trust?: boolean;
}

export interface OpenRun {
  /** As it may be written again. */
  name: string;
  folder: string;
  result: Result;
  /** Kernels that a bundle brings; null for a run of this host. */
  bundled: OpenBundle['kernelFiles'] | null;
  /** Whether a kernel may be looked up here by the name that the run gives it. */
  mayAsk: (kernel: string) => boolean;
}

/** Options of every command that takes a run or a bundle. */
export function withRunOptions(command: Command, results = 'folder of the results'): Command {
  return command
    .option('--trust', 'a bundle from somebody you trust: let it use files and QEMU options of this host')
    .option('--results <dir>', results, 'results');
}

/** A bundle is a file; a run is a folder. */
export const isBundle = (word: string): boolean => statSync(word, { throwIfNoEntry: false })?.isFile() === true;

/**
 * Nothing of an unpacked bundle stays. Throws a UsageError where the word means no run that can be read, a LabError
 * where a bundle is refused.
 */
export async function withRun<T>(
  word: string,
  { results, trust = false }: RunOptions,
  body: (run: OpenRun) => T | Promise<T>,
): Promise<T> {
  if (!isBundle(word)) return body(runOfHost(results, word));
  const bundle = await openBundle(word, trust);
  try {
    return await body({
      name: word,
      folder: bundle.run,
      result: bundle.result,
      bundled: bundle.kernelFiles,
      mayAsk: trust ? () => true : mayAsk,
    });
  } finally {
    bundle.close();
  }
}

/** Throws a UsageError where the word means no run that can be read. */
export function runOfHost(results: string, word: string): OpenRun {
  const { folder, kind, name } = findInResults(results, word);
  if (kind !== 'run') throw new UsageError(`${name} is a matrix: name one of its runs`, { hint: `lab show ${name}` });
  const read = readRun(folder);
  if (read.state !== 'whole') throw new UsageError(`${name} cannot be used: ${read.why}`);
  return { name, folder, result: read.result, bundled: null, mayAsk: () => true };
}
