// SPDX-License-Identifier: Apache-2.0
// What an intent can refer to: the model's state, and names that are not taken.
import { MAIN } from '../../../model/scenario/client.js';
import type { Token } from '../../../model/scenario/token.js';
import type { Model } from '../model/model.js';
import type { Operation } from '../operation.js';
import type { Draw } from './draw.js';

/** Bytes of all files of a sequence: the machine must hold them, and filling takes time. */
const MAX_BYTES = 96 * 2 ** 20;

export class Scene {
  #names = 0;
  #bytes = 0;

  constructor(readonly model: Model) {}

  /** The same names and room, with another model. */
  with(model: Model): Scene {
    const scene = new Scene(model);
    scene.#names = this.#names;
    scene.#bytes = this.#bytes;
    return scene;
  }

  /** Letters only: digits at the end number the rounds of a repeat. */
  name(prefix: string): string {
    let rest = this.#names++;
    let letters = '';
    do {
      letters = String.fromCharCode(97 + (rest % 26)) + letters;
      rest = Math.floor(rest / 26) - 1;
    } while (rest >= 0);
    return `${prefix}-${letters}`;
  }

  /** The size, or less if the machine has no room for it. */
  room(size: number): number {
    const granted = Math.min(size, MAX_BYTES - this.#bytes);
    this.#bytes += granted;
    return granted;
  }

  /** Names of sessions that a client can call, newest first. */
  sessions(kind: 'outgoing' | 'incoming', client: string): string[] {
    const { state } = this.model;
    const names = kind === 'outgoing' ? [...state.outgoing.keys()] : [...state.incoming.keys()];
    return names.filter((name) => state.open(name)?.kind === kind && state.holds('session', name, client)).reverse();
  }

  files(client: string): string[] {
    const { state } = this.model;
    return [...state.files.keys()].filter((name) => state.holds('file', name, client)).reverse();
  }

  /** Whether no session has this file. */
  isFree(file: string): boolean {
    const inode = this.model.state.files.get(file)?.inode;
    return inode !== undefined && inode.preservedIn === null && inode.heldBy === null;
  }

  /** Sessions of the last kernel that nobody has retrieved. */
  handed(): string[] {
    return [...this.model.state.incoming.values()].filter(({ state }) => state === 'handed').map(({ name }) => name);
  }

  /** Files of retrieved sessions that nobody has retrieved. */
  waiting(client: string): { session: string; token: Token; file: string }[] {
    const { state } = this.model;
    return this.sessions('incoming', client).flatMap((session) =>
      [...(state.incoming.get(session)?.files ?? [])]
        .filter(([, { retrieved }]) => !retrieved)
        .map(([token, { file }]) => ({ session, token, file: this.free(file) })),
    );
  }

  /** This name, or one like it that no open file has. */
  free(file: string): string {
    return this.model.state.files.has(file) ? this.name('again') : file;
  }

  /** The client of an operation, mostly the first one. */
  client(draw: Draw): Pick<Operation, 'by'> & { name: string } {
    const others = [...this.model.state.clients];
    const other = others.length > 0 && draw.once(2) ? draw.of(others) : undefined;
    return other === undefined ? { name: MAIN } : { name: other, by: other };
  }
}
