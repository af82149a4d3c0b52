// SPDX-License-Identifier: Apache-2.0
// Clients: processes in the machine that hold sessions and files. The first one always exists; steps start and kill
// others.

import { FILE_OPS } from './file-steps.js';

/** The first client. It performs every step that names no other. */
export const MAIN = 'main';

/** What a client can hold. */
export interface Held {
  kind: 'session' | 'file' | 'descriptor';
  name: string;
}

export type ClientAction =
  | { op: 'client'; client: string }
  /** Passes a session, a file or any descriptor to another client, under the same name. The sender keeps its own. */
  | { op: 'pass'; from: string; to: string; what: Held }
  | { op: 'kill'; client: string };

/** What a call of a client races. */
export const DURING = ['kexec', 'next'] as const;
export type During = (typeof DURING)[number];

/** Steps that are one call. Closing a file is more: what came back is judged first. */
const CALLS: ReadonlySet<string> = new Set<string>([
  'create',
  'retrieve-session',
  'preserve',
  'retrieve',
  'finish',
  'close',
  'memfd',
  'object',
  ...FILE_OPS,
]);

export function isCall(step: { op: string; target?: Held | { kind: 'device' } }): boolean {
  return CALLS.has(step.op) && step.target?.kind !== 'file';
}

export const CLIENT_OPS = ['client', 'pass', 'kill'] as const;

const OPS: ReadonlySet<string> = new Set<ClientAction['op']>(CLIENT_OPS);

export function isClientAction(action: { op: string }): action is ClientAction {
  return OPS.has(action.op);
}

/** Tracks which clients hold which sessions and files. Anything that is not listed belongs to the first client only. */
export class Holders {
  readonly #holders = new Map<string, Set<string>>();

  static #key({ kind, name }: Held): string {
    return `${kind}\0${name}`;
  }

  of(what: Held): ReadonlySet<string> {
    return this.#holders.get(Holders.#key(what)) ?? new Set([MAIN]);
  }

  /** This client created or retrieved it, so no other client has it. */
  made(what: Held, client: string): void {
    if (client === MAIN) this.#holders.delete(Holders.#key(what));
    else this.#holders.set(Holders.#key(what), new Set([client]));
  }

  passed(what: Held, client: string): void {
    this.#holders.set(Holders.#key(what), new Set([...this.of(what), client]));
  }

  /** @returns true if no client has it any more */
  dropped(what: Held, client: string): boolean {
    const left = new Set([...this.of(what)].filter((each) => each !== client));
    if (left.size === 0) this.#holders.delete(Holders.#key(what));
    else this.#holders.set(Holders.#key(what), left);
    return left.size === 0;
  }

  clear(): void {
    this.#holders.clear();
  }
}
