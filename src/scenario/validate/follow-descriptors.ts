// SPDX-License-Identifier: Apache-2.0
// Follows descriptors of any kind: which ones are open, and which ones a session preserves.
import type { DescriptorAction } from '../../model/scenario/descriptor.js';
import { MAIN } from '../../model/scenario/client.js';
import type { Token } from '../../model/scenario/token.js';
import { shown } from '../source/problem.js';
import { type Draft, succeeds } from '../steps/step-list.js';
import type { SessionFollower } from './follow-sessions.js';

export class DescriptorFollower {
  readonly #sessions: SessionFollower;
  /** Open descriptors, and the clients that have each. */
  #open = new Map<string, Set<string>>();
  /** What sessions of this kernel preserve, and of earlier ones. */
  #leaving = new Set<string>();
  #handed = new Set<string>();

  constructor(sessions: SessionFollower) {
    this.#sessions = sessions;
  }

  follow(step: DescriptorAction, draft: Draft): void {
    const checked = succeeds(draft.step);
    const client = draft.step.by ?? MAIN;
    switch (step.op) {
      case 'descriptor':
        if (step.source.kind === 'ioctl') this.#has(step.source.on, client, draft, ['ioctl', 'on']);
        this.#make(step.fd, client, draft);
        return;
      case 'preserve-fd':
        this.#has(step.fd, client, draft, ['fd']);
        this.#preserve(step, draft);
        return;
      case 'retrieve-fd':
        if (!checked) return;
        if (!this.#sessions.retrieved.has(step.session))
          this.#sessions.unknown(
            'session',
            'was retrieved in this epoch',
            step.session,
            this.#sessions.retrieved,
            draft,
          );
        else if (!this.#handed.has(key(step)))
          this.#sessions.problems.add(
            [...draft.path, 'token'],
            `no descriptor was preserved in session ${shown(step.session)} under token ${step.token}`,
            'a memfd of the lab is retrieved with retrieve',
          );
        this.#make(step.fd, client, draft);
        return;
      case 'close-fd':
        this.#has(step.fd, client, draft, []);
        this.#drop(step.fd, client);
    }
  }

  /** Whether a session hands over a descriptor under this token, or did in an earlier epoch. */
  isPreserved(ref: { session: string; token: Token }): boolean {
    return this.#leaving.has(key(ref)) || this.#handed.has(key(ref));
  }

  passed(fd: string, from: string, to: string, draft: Draft): void {
    this.#has(fd, from, draft, ['fd']);
    this.#open.get(fd)?.add(to);
  }

  loseClient(client: string): void {
    for (const fd of this.#open.keys()) this.#drop(fd, client);
  }

  jumped(): void {
    this.#open = new Map();
    this.#handed = new Set([...this.#handed, ...this.#leaving]);
    this.#leaving = new Set();
  }

  #make(fd: string, client: string, draft: Draft): void {
    // A call that may fail may leave the name free; a later step then says what is missing.
    if (this.#open.has(fd) && succeeds(draft.step))
      this.#sessions.problems.add(draft.path, `expected a unique name; there is a descriptor ${shown(fd)} already`);
    if (succeeds(draft.step) || draft.step.accepts?.includes('OK') === true) this.#open.set(fd, new Set([client]));
  }

  #preserve(step: Extract<DescriptorAction, { op: 'preserve-fd' }>, draft: Draft): void {
    const { problems, outgoing } = this.#sessions;
    const possible = succeeds(draft.step) || draft.step.accepts?.includes('OK') === true;
    if (!possible) return;
    if (succeeds(draft.step)) {
      this.#sessions.openSession(step.session, draft);
      if (this.#leaving.has(key(step)) || outgoing.get(step.session)?.has(step.token) === true)
        problems.add(
          [...draft.path, 'token'],
          `expected a unique token in session ${shown(step.session)}; ${step.token} is taken`,
          'state errno: EEXIST if that is what you test',
        );
    }
    this.#leaving.add(key(step));
  }

  /** A client needs a descriptor of its own, whatever the kernel is expected to say about it. */
  #has(fd: string, client: string, draft: Draft, keys: readonly string[]): void {
    const clients = this.#open.get(fd);
    const path = [...draft.path, ...keys];
    if (clients === undefined)
      this.#sessions.unknown('descriptor', 'is open here', fd, this.#open.keys(), { ...draft, path });
    else if (!clients.has(client))
      this.#sessions.problems.add(
        path,
        `client ${client} does not have the descriptor ${shown(fd)}`,
        `write - pass: {fd: ${fd}, to: ${client}}`,
      );
  }

  #drop(fd: string, client: string): void {
    const clients = this.#open.get(fd);
    clients?.delete(client);
    if (clients?.size === 0) this.#open.delete(fd);
  }
}

const key = ({ session, token }: { session: string; token: Token }) => `${session}\0${token}`;
