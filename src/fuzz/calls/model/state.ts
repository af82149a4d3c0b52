// SPDX-License-Identifier: Apache-2.0
// What exists in the running kernel, as the model sees it.
import { Holders } from '../../../model/scenario/client.js';
import type { Access, Seal } from '../../../model/scenario/file-steps.js';
import type { Token } from '../../../model/scenario/token.js';

/** A memfd; several descriptors may be open. */
export interface Inode {
  size: number;
  seals: Set<Seal>;
  hugetlb: boolean;
  huge: boolean;
  /** Created with MFD_NOEXEC_SEAL. */
  noexec: boolean;
  /** Bytes up to which pages are reserved beyond the end. */
  reserved: number;
  /** The session of this kernel that preserves it; null if none does. */
  preservedIn: string | null;
  /** An unfinished session of the last kernel still has it. */
  heldBy: string | null;
  /** Changes of its content so far: the lab follows a limited number. */
  changes: number;
}

export interface Descriptor {
  inode: Inode;
  access: Access;
}

/** A file in a session. */
export interface Held {
  inode: Inode;
  /** Name in the scenario when it was preserved. */
  file: string;
  access: Access;
  /** Its seals when it was preserved: the handler notes them then. */
  seals: readonly Seal[];
  retrieved: boolean;
  /** Whether it comes back as another file than it was, as kernels are known to do. */
  changed: boolean;
  /** It was preserved while the kexec was on its way: nobody knows whether it is there. */
  perhaps?: boolean;
}

export interface Session {
  name: string;
  files: Map<Token, Held>;
}

export interface Incoming extends Session {
  state: 'handed' | 'retrieved' | 'gone';
  finished: boolean;
}

export class LuoState {
  readonly files = new Map<string, Descriptor>();
  readonly outgoing = new Map<string, Session>();
  incoming = new Map<string, Incoming>();
  readonly clients = new Set<string>();
  readonly holders = new Holders();
  /** The client that has /dev/liveupdate open. */
  device: string | null = null;
  /** Whether this kernel was ever asked for its sessions. */
  asked = false;

  /** The session that a call on this name reaches: the engine prefers the retrieved one. */
  open(name: string): { kind: 'incoming'; session: Incoming } | { kind: 'outgoing'; session: Session } | null {
    const incoming = this.incoming.get(name);
    if (incoming?.state === 'retrieved') return { kind: 'incoming', session: incoming };
    const outgoing = this.outgoing.get(name);
    return outgoing === undefined ? null : { kind: 'outgoing', session: outgoing };
  }

  /** Sessions of the last kernel with a file that may be there or not. */
  get uncertain(): Incoming[] {
    return [...this.incoming.values()].filter(({ files }) => [...files.values()].some(({ perhaps }) => perhaps));
  }

  /** Equal for states that no later call can tell apart. */
  digest(): string {
    const sorted = <T>(entries: Iterable<readonly [T, unknown]>) =>
      [...entries].map((entry) => JSON.stringify(entry)).toSorted();
    const holders = (kind: 'session' | 'file', name: string) => [...this.holders.of({ kind, name })].toSorted();
    const held = ({ files }: Session) =>
      sorted([...files].map(([token, { file, retrieved }]) => [token, [file, retrieved]]));
    return JSON.stringify([
      sorted(
        [...this.files].map(([name, { inode, access }]) => [
          name,
          [access, { ...inode, seals: [...inode.seals].toSorted() }, holders('file', name)],
        ]),
      ),
      sorted([...this.outgoing].map(([name, session]) => [name, [held(session), holders('session', name)]])),
      sorted(
        [...this.incoming].map(([name, session]) => [
          name,
          [session.state, session.finished, held(session), holders('session', name)],
        ]),
      ),
      [this.device, this.asked, [...this.clients].toSorted()],
    ]);
  }

  holds(kind: 'session' | 'file', name: string, client: string): boolean {
    return this.holders.of({ kind, name }).has(client);
  }
}
