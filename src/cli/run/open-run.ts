// SPDX-License-Identifier: Apache-2.0
// The run that a command works on: named by its folder, its name or a part of its name; or the run of a bundle, which
// stays unpacked as long as the command needs it.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { TrustOption } from '../../host/trust.js';
import type { Result } from '../../model/result/result.js';
import { openBundle, type OpenBundle } from '../../repro/bundle/open.js';
import { nameProblem } from '../../images/index.js';
import { findInResults } from '../../store/find.js';
import { readRun } from '../../store/run/read-run.js';
import { readSeal } from '../../store/run/seal.js';
import { MAX_FILE_BYTES } from '../../scenario/source/read-text.js';
import { UsageError } from '../../util/errors.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';
import { trustOption } from '../common/option-values.js';

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
  /** The user gave --trust. */
  trust: boolean;
}

/** Adds the options of every command that takes a run or a bundle. */
export function withRunOptions(command: Command, results = 'folder of the results'): Command {
  return command
    .addOption(trustOption('a bundle or a run from another host'))
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
  if (!isBundle(word)) return body(runOfHost(results, word, { trust }));
  const bundle = await openBundle(word, { trust });
  try {
    return await body({
      name: word,
      folder: bundle.run,
      result: bundle.result,
      bundled: bundle.kernelFiles,
      mayResolveKernel: trust ? () => true : isDefined,
      trust,
    });
  } finally {
    bundle.close();
  }
}

/** Throws a UsageError if the word does not name a readable run. */
export function runOfHost(results: string, word: string, { trust = false }: TrustOption = {}): OpenRun {
  const { folder, kind, name } = findInResults(results, word);
  if (kind !== 'run') throw new UsageError(`${name} is a matrix; name one of its runs`, { hint: `lab show ${name}` });
  const read = readRun(folder);
  if (read.state !== 'whole') throw new UsageError(`${name} cannot be used: ${read.why}`);
  const { result } = read;
  const mayResolveKernel = trust || isOwnRun(folder, result) ? () => true : isDefined;
  return { name, folder, result, bundled: null, mayResolveKernel, trust };
}

/** This lab wrote the run. */
function isOwnRun(folder: string, result: Result): boolean {
  try {
    const text = readRegularFileSync(join(folder, 'scenario.yaml'), { maxBytes: MAX_FILE_BYTES }).toString('utf8');
    return readSeal(folder, { result, text }) !== null;
  } catch {
    return false;
  }
}

/** Any other name may be a path on this host, and its source would be compiled to read its types. */
const isDefined = (kernel: string): boolean => nameProblem(kernel) === null;
