// SPDX-License-Identifier: Apache-2.0
// Clients: processes in the machine that hold sessions and files. The first one is always there; steps start and end
// others.

/** The client that carries out what names no other. */
export const MAIN = 'main';

/** What a client can hold. */
export interface Held {
  kind: 'session' | 'file';
  name: string;
}

export type ClientAction =
  | { op: 'client'; client: string }
  /**
   * A descriptor of the same session or file goes to another client, under the same name; who gives it keeps its own.
   */
  | { op: 'pass'; from: string; to: string; what: Held }
  | { op: 'kill'; client: string };

const OPS: ReadonlySet<string> = new Set<ClientAction['op']>(['client', 'pass', 'kill']);

export function isClientAction(action: { op: string }): action is ClientAction {
  return OPS.has(action.op);
}

/** Which clients hold what. What is not in the book is held by the first one alone. */
export class Holders {
  readonly #book = new Map<string, Set<string>>();

  static #key({ kind, name }: Held): string {
    return `${kind}\0${name}`;
  }

  of(what: Held): ReadonlySet<string> {
    return this.#book.get(Holders.#key(what)) ?? new Set([MAIN]);
  }

  /** It was made or taken back by this client: no other has it. */
  made(what: Held, client: string): void {
    if (client === MAIN) this.#book.delete(Holders.#key(what));
    else this.#book.set(Holders.#key(what), new Set([client]));
  }

  passed(what: Held, client: string): void {
    this.#book.set(Holders.#key(what), new Set([...this.of(what), client]));
  }

  /** @returns whether no client has it any more */
  dropped(what: Held, client: string): boolean {
    const left = new Set([...this.of(what)].filter((each) => each !== client));
    if (left.size === 0) this.#book.delete(Holders.#key(what));
    else this.#book.set(Holders.#key(what), left);
    return left.size === 0;
  }

  clear(): void {
    this.#book.clear();
  }
}
