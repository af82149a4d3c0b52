// SPDX-License-Identifier: Apache-2.0
// Waiting for a mark: never a sleep, always with a deadline, and over at once when the thing waited for can no longer
// come. Waits for the machine itself are in pulse.ts: their deadline follows what the machine does.
import { CommandTimeout, HostTimeout, NoProgress } from './errors.js';

/** Whose wait it is: part of the host, the machine, or a command that the scenario runs. */
export type Whose = 'host' | 'machine' | 'command';

export interface Limit {
  ms: number;
  what: string;
  whose: Whose;
  /** Ends the wait as soon as it is aborted, with its reason. */
  signal?: AbortSignal | undefined;
}

function late({ what, ms, whose }: Limit): Error {
  switch (whose) {
    case 'host':
      return new HostTimeout(what, ms);
    case 'machine':
      return new NoProgress(what, ms);
    case 'command':
      return new CommandTimeout(what, ms);
  }
}

/** Settles as `promise` does, or rejects after `ms` with the error of whose wait it is. */
export function within<T>(promise: Promise<T>, limit: Limit): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => end(() => reject(late(limit))), limit.ms);
    const end = endsOnce(limit.signal, reject, () => clearTimeout(timer));
    // Before the signal is looked at: a promise that nobody waits for any more may still reject.
    promise.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error as Error)),
    );
    if (limit.signal?.aborted) end(() => reject(limit.signal?.reason as Error));
  });
}

/** Runs the first of several ends of a wait, after it has let go of everything. @param release what the wait holds */
export function endsOnce(
  signal: AbortSignal | undefined,
  reject: (error: Error) => void,
  release: () => void,
): (how: () => void) => void {
  let over = false;
  const onAbort = () => end(() => reject(signal?.reason as Error));
  const end = (how: () => void) => {
    if (over) return;
    over = true;
    release();
    signal?.removeEventListener('abort', onAbort);
    how();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return end;
}

/** A promise with its handles outside; a rejection that nobody waits for is not an unhandled one. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
