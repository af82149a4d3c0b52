// SPDX-License-Identifier: Apache-2.0
// The one place that starts processes, with execa. Every child has its own process group, because Ctrl-C is the lab's
// business, and none outlives the lab unless its caller wants that: see `tie`.
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { LabError, messageOf } from '../errors.js';

type Standard = 'ignore' | 'inherit' | 'pipe';
type Further = 'ignore' | 'pipe' | number;

export interface ChildOptions {
  /** Standard input, output, error, and further descriptors. */
  stdio: [Standard, Standard, Standard, ...Further[]];
  /**
   * What becomes of it when the lab is gone, killed by SIGKILL included: it is killed (setpriv(1) gives it a
   * parent-death signal), or nothing. Commands that start others need more: see command.ts.
   */
  tie: 'dies-with-lab' | 'none';
  cwd?: string | undefined;
  /** All of its environment; that of the lab by default. */
  env?: NodeJS.ProcessEnv | undefined;
  /** Sends `killSignal` to the child alone. */
  signal?: AbortSignal | undefined;
  /** SIGKILL by default. */
  killSignal?: NodeJS.Signals;
}

export interface ChildEnd {
  /** Exit code; null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** What it writes to descriptor 3, if that is a pipe. */
  readonly third: Readable | null;
  /**
   * Settles when it has ended and its pipes are closed. Rejects with a LabError where it could not be started, and with
   * the reason of the abort signal where that was aborted.
   */
  readonly ended: Promise<ChildEnd>;
  /** Calls back when it has exited; its pipes may still be open. */
  onExit(then: () => void): void;
  kill(signal: NodeJS.Signals): void;
  /** Lets the lab end while the child runs. */
  unref(): void;
}

/** A program could not be started at all. */
export class CannotStart extends LabError {
  constructor(argv: readonly string[], cause: unknown) {
    super(`cannot run ${argv[0]}: ${messageOf(cause)}`, { cause });
  }
}

/** Starts a program with its arguments; `argv[0]` is looked up in PATH. */
export function startChild(argv: readonly string[], options: ChildOptions): Child {
  options.signal?.throwIfAborted();
  const [file = '', ...args] = options.tie === 'none' ? argv : ['setpriv', '--pdeathsig', 'KILL', '--', ...argv];
  const process = execa(file, args, {
    // execa's types know no descriptor above 9; execa itself passes on any.
    stdio: options.stdio as [Standard, Standard, Standard, ...('ignore' | 'pipe' | 3)[]],
    detached: true,
    // Tying it to the lab is our part: execa's clean-up would catch the lab's signals, and miss SIGKILL.
    cleanup: false,
    // Streams are read by callers, who bound what they keep.
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
