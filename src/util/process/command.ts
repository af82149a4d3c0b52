// SPDX-License-Identifier: Apache-2.0
// Runs a command that leaves nothing behind. The command and everything that it starts are one process group. The group
// dies when the command is aborted, when it has ended, and when the lab itself is gone (even by SIGKILL).
import type { Readable } from 'node:stream';
import { CannotStart, type Child, startChild } from './child.js';
import { LabError } from '../errors.js';

/**
 * Milliseconds between SIGTERM and SIGKILL for a group. In that time, make removes the file that it is writing;
 * otherwise it would take the incomplete file for a complete one the next time.
 */
const GRACE_MS = 1000;

// Descriptor 3 is a pipe whose other end only the lab holds. A watcher in the group waits for its end and then ends the
// group.
const GUARD =
  `( trap '' TERM; read -r _ <&3; kill -TERM 0; sleep ${GRACE_MS / 1000}; kill -KILL 0 ) ` +
  '</dev/null >/dev/null 2>&1 & exec 3<&-; exec "$@"';

/** How much of standard error is kept, from its end. */
const TAIL_BYTES = 64 << 10;

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** The command's input; none by default. */
  input?: Readable;
  /** Gets standard output in chunks. Without it, the output is returned as text and must be small. */
  onStdout?: (chunk: Buffer) => void;
  onStderr?: (chunk: Buffer) => void;
  /** How many bytes of standard output are kept. */
  maxOutput?: number;
  /** A descriptor that the command and all its children keep open: a lock. */
  holdFd?: number;
}

export interface CommandResult {
  /** Exit code; null if a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  /** The end of standard error. */
  stderr: string;
}

/** Runs a command to its end and returns how it ended. Rejects only if it could not be started or was aborted. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const child = startChild(['/bin/sh', '-c', GUARD, 'sh', ...argv], {
    cwd: options.cwd,
    env: options.env,
    stdio: [options.input ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe', options.holdFd ?? 'ignore'],
    tie: 'none',
  });
  const stdout = new Tail(options.maxOutput ?? 16 << 20);
  const stderr = new Tail(TAIL_BYTES);
  child.stdout?.on('data', (chunk: Buffer) => (options.onStdout ? options.onStdout(chunk) : stdout.push(chunk)));
  child.stderr?.on('data', (chunk: Buffer) => {
    options.onStderr?.(chunk);
    stderr.push(chunk);
  });
  const input = feed(child, options.input);
  let grace: NodeJS.Timeout | undefined;
  const onAbort = () => {
    killGroup(child, 'SIGTERM');
    grace = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS);
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  // Kill everything that the command left running in its group, and the watcher.
  child.onExit(() => killGroup(child, 'SIGKILL'));
  try {
    const end = await child.ended;
    options.signal?.throwIfAborted();
    input.throwIfFailed();
    return { ...end, stdout: stdout.text(), stderr: stderr.text() };
  } catch (error) {
    throw error instanceof CannotStart ? new CannotStart(argv, error.cause) : error;
  } finally {
    clearTimeout(grace);
    options.signal?.removeEventListener('abort', onAbort);
    options.input?.destroy();
  }
}

/** Pipes `input` into the child. If the input fails, the child is killed. */
function feed(child: Child, input: Readable | undefined): { throwIfFailed: () => void } {
  let failed: Error | null = null;
  if (input !== undefined && child.stdin !== null) {
    // The command may end before it has read everything; its exit code tells what that means.
    child.stdin.on('error', () => undefined);
    input.on('error', (error) => {
      failed = error;
      killGroup(child, 'SIGKILL');
    });
    input.pipe(child.stdin);
  }
  return {
    throwIfFailed: () => {
      if (failed !== null) throw failed;
    },
  };
}

/** Sends a signal to the child and to everything in its process group. */
function killGroup({ pid }: Child, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has already gone.
  }
}

/** Like runCommand, but any exit code other than 0 is an error with the end of standard error. */
export async function mustRun(
  argv: readonly string[],
  what: string,
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await runCommand(argv, options);
  if (result.code !== 0) throw commandError(what, argv, result);
  return result;
}

export function commandError(what: string, argv: readonly string[], result: CommandResult): LabError {
  const how = result.signal ? `was killed by ${result.signal}` : `ended with ${result.code}`;
  const full = saysDiskFull(result.stderr);
  const name = argv.find((word) => !word.includes('=') && word !== 'env') ?? argv[0];
  return new LabError(`${what}: ${full ? 'the disk is full' : `${name} ${how}`}`, {
    detail: lastLines(result.stderr, 30),
    hint: full ? 'free some space, or name a cache elsewhere with LAB_CACHE=FOLDER' : null,
  });
}

/** True for messages that programs print when the disk is full or its quota is used up. */
export function saysDiskFull(text: string): boolean {
  return /No space left on device|Disk quota exceeded|have enough free space/.test(text);
}

/** Returns the last `count` lines of a text. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** Keeps the end of a stream. */
class Tail {
  private chunks: Buffer[] = [];
  private size = 0;
  constructor(private readonly limit: number) {}

  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.size - (this.chunks[0]?.length ?? 0) > this.limit) this.size -= this.chunks.shift()?.length ?? 0;
  }

  text(): string {
    const all = Buffer.concat(this.chunks);
    return all.subarray(Math.max(0, all.length - this.limit)).toString('utf8');
  }
}
