// SPDX-License-Identifier: Apache-2.0
// Runs the lab as a user does, in a process of its own.
import { join } from 'node:path';
import type { Result } from '../model/result/result.js';
import { resultSchema } from '../store/run/result-schema.js';
import { packageRoot } from '../util/package-root.js';
import { type CommandResult, runCommand } from '../util/process/command.js';

const LAB = join(packageRoot(), 'bin/lab.js');
/** Bytes of output, most of it the result of a run with many updates. */
const MAX_OUTPUT = 512 << 20;

export interface LabOptions {
  /** Beside the environment of this process. */
  env?: Record<string, string>;
  /** Options of Node; without them it starts as a user starts it. */
  node?: readonly string[];
  /** Where its standard error goes; it is returned in any case. */
  onStderr?: (chunk: Buffer) => void;
  /** Ends it, and everything that it started. */
  signal?: AbortSignal;
}

/** Passes on what the lab says while it runs. */
export const toStderr = (chunk: Buffer): void => void process.stderr.write(chunk);

export function runLab(args: readonly string[], options: LabOptions = {}): Promise<CommandResult> {
  const { node } = options;
  return runCommand([...(node === undefined ? [] : [process.execPath, ...node]), LAB, ...args], {
    env: { ...process.env, CI: 'true', ...options.env },
    maxOutput: MAX_OUTPUT,
    signal: options.signal,
    ...(options.onStderr === undefined ? {} : { onStderr: options.onStderr }),
  });
}

/** The result that `lab run --json` prints. Throws where it is none. */
export function resultOf({ stdout }: CommandResult): Result {
  return resultSchema.parse(JSON.parse(stdout));
}
