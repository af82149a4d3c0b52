// SPDX-License-Identifier: Apache-2.0
// Follows the clients and what they hold.
import { type ClientAction, Holders, isCall, MAIN } from '../../model/scenario/client.js';
import type { Step } from '../../model/scenario/scenario.js';
import type { DescriptorFollower } from './follow-descriptors.js';
import type { SessionFollower } from './follow-sessions.js';
import type { Problems } from '../source/problems.js';
import { shown } from '../source/problem.js';
import { type Draft, succeeds } from '../steps/step-list.js';

const USES_SESSION: ReadonlySet<string> = new Set<Step['op']>([
  'preserve',
  'retrieve',
  'finish',
  'preserve-fd',
  'retrieve-fd',
]);

export class ClientFollower {
  readonly #sessions: SessionFollower;
  readonly #descriptors: DescriptorFollower;
  readonly #problems: Problems;
  readonly #clients = new Set([MAIN]);
  readonly holders = new Holders();

  constructor(sessions: SessionFollower, descriptors: DescriptorFollower, problems: Problems) {
    this.#sessions = sessions;
    this.#descriptors = descriptors;
    this.#problems = problems;
  }

  follow(step: ClientAction, draft: Draft): void {
    switch (step.op) {
      case 'client':
        if (this.#clients.has(step.client))
          this.#problems.add(draft.path, `expected a unique name; there is a client ${shown(step.client)} already`);
        this.#clients.add(step.client);
        return;
      case 'pass':
        for (const key of ['from', 'to'] as const) this.#exists(step[key], { ...draft, path: [...draft.path, key] });
        if (step.from === step.to)
          this.#problems.add(
            [...draft.path, 'to'],
            `expected a client other than ${shown(step.from)}, which passes it`,
          );
        if (step.what.kind === 'descriptor') this.#descriptors.passed(step.what.name, step.from, step.to, draft);
        else if (step.what.kind === 'session') this.#sessions.openSession(step.what.name, draft);
        else if (!this.#sessions.files.has(step.what.name)) this.#sessions.unknownFile(step.what.name, draft);
        this.holders.passed(step.what, step.to);
        return;
      case 'kill':
        if (step.client === MAIN)
          this.#problems.add(
            draft.path,
            'kill cannot end the first client, because a new one must replace it',
            'write - kill-agent',
          );
        else this.#exists(step.client, draft);
        this.#clients.delete(step.client);
        this.lose(step.client);
    }
  }

  /**
   * Checks that the step's client exists and has the session, and that a call that races another one is right before
   * it.
   */
  call(step: Step, draft: Draft, next: Step | undefined): void {
    const { op, by, during } = step;
    if (by !== undefined) this.#exists(by, { ...draft, path: [...draft.path, 'client'] });
    this.#has(step, draft);
    if (during === undefined) return;
    const path = [...draft.path, 'during'];
    if (during === 'next') {
      if (next === undefined || !isCall(next) || next.during !== undefined || (next.by ?? MAIN) === (by ?? MAIN))
        this.#problems.add(path, 'expected a call of another client as the next step');
      return;
    }
    if (by === undefined)
      this.#problems.add(
        path,
        `${op} during the kexec needs another client, because the first one is in the reboot call`,
        'add client, and a step that starts it',
      );
    if (next === undefined || (next.op !== 'kexec' && next.during !== 'kexec'))
      this.#problems.add(path, 'expected the kexec as the next step');
  }

  /** Records that a client created or retrieved something, so that no other client has it. */
  made(step: Step): void {
    const client = step.by ?? MAIN;
    if (step.op === 'create' || step.op === 'retrieve-session')
      this.holders.made({ kind: 'session', name: step.session }, client);
    if (step.op === 'retrieve') this.holders.made({ kind: 'file', name: step.file }, client);
    if (step.op === 'memfd') this.holders.made({ kind: 'file', name: step.memfd.file }, client);
    if (step.op === 'object') this.holders.made({ kind: 'file', name: step.object.file }, client);
    if (step.op === 'reopen') this.holders.made({ kind: 'file', name: step.as }, client);
  }

  /**
   * Records that a client closes something.
   * @returns true if another client still has it
   */
  closes(step: Step): boolean {
    if (step.op !== 'close' || step.target.kind === 'device') return false;
    return !this.holders.dropped(step.target, step.by ?? MAIN);
  }

  /** A client ended, and so did everything that only this client had. */
  lose(client: string): void {
    const sessions = this.#sessions;
    this.#descriptors.loseClient(client);
    for (const name of [...sessions.outgoing.keys(), ...sessions.retrieved])
      if (this.#gone({ kind: 'session', name }, client)) sessions.loseSession(name);
    for (const name of sessions.files.keys())
      if (this.#gone({ kind: 'file', name }, client)) sessions.files.delete(name);
  }

  /** After a kexec, all clients are gone. */
  jumped(): void {
    this.#clients.clear();
    this.#clients.add(MAIN);
    this.holders.clear();
  }

  /** Without the session, the agent leaves the step out, and what it should have done is missing in the end. */
  #has(step: Step, draft: Draft): void {
    if (!USES_SESSION.has(step.op) || !('session' in step) || !succeeds(step)) return;
    const { session, by: client = MAIN } = step;
    const { outgoing, retrieved } = this.#sessions;
    // The step itself is checked for a session that nobody has.
    if (!outgoing.has(session) && !retrieved.has(session)) return;
    const [holder = MAIN, ...others] = this.holders.of({ kind: 'session', name: session });
    if (holder === client || others.includes(client)) return;
    this.#problems.add(
      draft.path,
      `client ${client} does not have the session ${shown(session)}`,
      `write client: ${holder}, or before it - pass: {session: ${session}, from: ${holder}, to: ${client}}`,
    );
  }

  #gone(what: Parameters<Holders['of']>[0], client: string): boolean {
    return this.holders.of(what).has(client) && this.holders.dropped(what, client);
  }

  #exists(client: string, draft: Draft): void {
    if (!this.#clients.has(client))
      this.#problems.add(draft.path, `no client ${shown(client)} runs here`, 'start it with a step: client: NAME');
  }
}
