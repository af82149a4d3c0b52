// SPDX-License-Identifier: Apache-2.0
// Waits with a deadline, never by sleeping. A wait ends at once if its event can no longer happen. Waits for the
// machine itself are in pulse.ts, where the deadline follows the machine's progress.
import { CommandTimeout, HostTimeout, NoProgress } from './errors.js';
import { blockedMs } from './loop/meter.js';

/** Whom the lab waits for: a part of the host, the machine, or a command of the scenario. */
export type Whose = 'host' | 'machine' | 'command';

export interface Limit {
  ms: number;
  what: string;
  whose: Whose;
  /** When aborted, the wait ends at once with its reason. */
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

/**
 * Settles like `promise`, or rejects after `ms` with an error that tells whom the lab waited for. Time in which the
 * lab's own loop was blocked does not count.
 */
export function within<T>(promise: Promise<T>, limit: Limit): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer: NodeJS.Timeout;
    let counted = blockedMs();
    const arm = (ms: number) => {
      timer = setTimeout(() => {
        const blocked = blockedMs() - counted;
        counted += blocked;
        if (blocked > 0) arm(blocked);
        else end(() => reject(late(limit)));
      }, ms);
    };
    arm(limit.ms);
    const end = endsOnce(limit.signal, reject, () => clearTimeout(timer));
    // Do this before checking the signal: a promise that nobody waits for any more may still reject.
    promise.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error as Error)),
    );
    if (limit.signal?.aborted) end(() => reject(limit.signal?.reason as Error));
  });
}

/**
 * Combines the ways in which a wait can end: only the first one counts, after resources are released.
 * @param release frees the resources of the wait
 */
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

/** A promise that is settled from outside. If nobody waits for it, a rejection does not count as unhandled. */
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
