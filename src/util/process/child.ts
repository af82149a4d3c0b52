// SPDX-License-Identifier: Apache-2.0
// Starts all child processes, with execa. Every child has its own process group, because the lab handles Ctrl-C. None
// outlives the lab unless its caller wants that: see `tie`.
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { LabError, messageOf } from '../errors.js';

type Standard = 'ignore' | 'inherit' | 'pipe';
type Further = 'ignore' | 'pipe' | number;

export interface ChildOptions {
  /** Standard input, output, error, and further descriptors. */
  stdio: [Standard, Standard, Standard, ...Further[]];
  /**
   * What happens to the child when the lab is gone, even by SIGKILL: it is killed (setpriv(1) gives it a parent-death
   * signal), or nothing. Commands that start others need more: see command.ts.
   */
  tie: 'dies-with-lab' | 'none';
  cwd?: string | undefined;
  /** The whole environment; the lab's own by default. */
  env?: NodeJS.ProcessEnv | undefined;
  /** On abort, `killSignal` is sent to the child alone. */
  signal?: AbortSignal | undefined;
  /** SIGKILL by default. */
  killSignal?: NodeJS.Signals;
}

export interface ChildEnd {
  /** Exit code; null if a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** The output on descriptor 3, if that is a pipe. */
  readonly third: Readable | null;
  /**
   * Settles when the child has ended and its pipes are closed. Rejects with a LabError if it could not be started, and
   * with the signal's reason if that was aborted.
   */
  readonly ended: Promise<ChildEnd>;
  /** Calls back when the child has exited. Its pipes may still be open. */
  onExit(then: () => void): void;
  kill(signal: NodeJS.Signals): void;
  /** Allows the lab to end while the child runs. */
  unref(): void;
}

/** A program could not be started at all. */
export class CannotStart extends LabError {
  constructor(argv: readonly string[], cause: unknown) {
    super(`cannot run ${argv[0]}: ${messageOf(cause)}`, { cause });
  }
}

/** Starts a program; `argv[0]` is looked up in PATH. */
export function startChild(argv: readonly string[], options: ChildOptions): Child {
  options.signal?.throwIfAborted();
  const [file = '', ...args] = options.tie === 'none' ? argv : ['setpriv', '--pdeathsig', 'KILL', '--', ...argv];
  const process = execa(file, args, {
    // execa's types allow no descriptor above 9, but execa passes on any.
    stdio: options.stdio as [Standard, Standard, Standard, ...('ignore' | 'pipe' | 3)[]],
    detached: true,
    // The lab ties the child to itself: execa's clean-up would catch the lab's signals, and would miss SIGKILL.
    cleanup: false,
    // Callers read the streams and limit what they keep.
    buffer: false,
    reject: false,
    extendEnv: false,
    env: options.env ?? globalThis.process.env,
    killSignal: options.killSignal ?? 'SIGKILL',
    forceKillAfterDelay: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  const ended = process.then((result): ChildEnd => {
    options.signal?.throwIfAborted();
    const code = result.exitCode ?? null;
    const signal = result.signal ?? null;
    if (code === null && signal === null) {
      throw new CannotStart(argv, result.cause);
    }
    return { code, signal };
  });
  const third = process.stdio[3];
  return {
    pid: process.pid,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    third: isReadable(third) ? third : null,
    ended,
    onExit: (then) => void process.nodeChildProcess.once('exit', then),
    kill: (signal) => void process.kill(signal),
    unref: () => process.nodeChildProcess.unref(),
  };
}

function isReadable(stream: unknown): stream is Readable {
  return typeof stream === 'object' && stream !== null && 'read' in stream;
}
