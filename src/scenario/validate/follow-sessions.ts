// SPDX-License-Identifier: Apache-2.0
// Follows sessions and files: which ones exist at each step, and in which state.
import type { FileSpec } from '../../model/scenario/scenario.js';
import type { Token } from '../../model/scenario/token.js';
import { nearest } from '../../util/text/nearest.js';
import { LIMITS } from '../schema/limits.js';
import { listed, shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { type Draft, succeeds } from '../steps/step-list.js';

/** The files of a session, by token. */
export type Held = Map<Token, FileSpec>;

function size(bytes: number): string {
  return bytes % (1024 * 1024) === 0 ? `${bytes / 1024 / 1024} MiB` : `${bytes} bytes`;
}

export class SessionFollower {
  readonly problems: Problems;
  readonly #memory: number;
  /** Open files by name, with their content. */
  files = new Map<string, FileSpec>();
  /** Sessions created in this epoch. */
  outgoing = new Map<string, Held>();
  /** All sessions created in earlier epochs. */
  readonly handed = new Map<string, Held>();
  /** Sessions retrieved in this epoch. */
  retrieved = new Set<string>();
  /** A program has run that may have made sessions of its own. */
  foreign = false;
  readonly everMade = new Map<string, FileSpec>();
  #used: number;

  /** @param reserved bytes of memory that are already in use */
  constructor(memory: number, reserved: number, problems: Problems) {
    this.#memory = memory;
    this.#used = reserved;
    this.problems = problems;
  }

  create(session: string, { path, step }: Draft): void {
    const bytes = Buffer.byteLength(session);
    // Some kernels accept these names and some do not, so the scenario must name the expected error.
    if ((bytes > LIMITS.sessionName || bytes === 0) && step.errno === null) {
      this.problems.add(
        path,
        `expected a session's name of 1 to ${LIMITS.sessionName} bytes, found ${bytes}`,
        'state errno: EINVAL if that is what you test, or errno: OK for a kernel that takes it',
      );
    }
    if (this.outgoing.has(session)) {
      this.problems.add(
        path,
        `expected a unique name; there is a session ${shown(session)} already`,
        'state errno: EEXIST if that is what you test',
      );
    }
    this.outgoing.set(session, new Map());
  }

  make(spec: FileSpec, { path }: Draft): void {
    if (this.files.has(spec.file))
      this.problems.add(path, `expected a unique name; there is a file ${shown(spec.file)} already`);
    this.files.set(spec.file, spec);
    this.everMade.set(spec.file, spec);
    this.#use(spec.size + (spec.kind === 'object' ? spec.array : 0), path);
  }

  /** Adds another descriptor of an open file. */
  reopen(spec: FileSpec, as: string, { path }: Draft): void {
    if (this.files.has(as))
      this.problems.add([...path, 'as'], `expected a unique name; there is a file ${shown(as)} already`);
    const reopened = { ...spec, file: as } as FileSpec;
    this.files.set(as, reopened);
    this.everMade.set(as, reopened);
  }

  #use(bytes: number, path: Draft['path']): void {
    const before = this.#used;
    this.#used += bytes;
    if (this.#used > this.#memory && before <= this.#memory) {
      this.problems.add(
        path,
        `expected files of at most ${size(this.#memory)} in all, the machine's memory; ` +
          `found ${size(this.#used)} up to here`,
      );
    }
  }

  preserve(step: { session: string; file: string; token: Token }, draft: Draft): void {
    const memfd = this.files.get(step.file);
    if (!memfd) this.unknownFile(step.file, draft);
    if (!succeeds(draft.step)) return;
    const held = this.outgoing.get(step.session);
    if (!held) {
      if (this.retrieved.has(step.session)) {
        this.problems.add(
          draft.path,
          `session ${shown(step.session)} was retrieved; expected one created in this epoch`,
          'state errno: EINVAL if that is what you test',
        );
      } else {
        this.unknown('session', 'is open here', step.session, this.outgoing.keys(), draft);
      }
      return;
    }
    if (held.has(step.token)) {
      this.problems.add(
        [...draft.path, 'token'],
        `expected a unique token in session ${shown(step.session)}; ${step.token} is taken`,
        'state errno: EEXIST if that is what you test',
      );
    }
    if (memfd) held.set(step.token, memfd);
  }

  retrieveSession(session: string, draft: Draft): void {
    if (!this.handed.has(session))
      this.unknown('session', 'was created in an earlier epoch', session, this.handed.keys(), draft);
    this.retrieved.add(session);
  }

  /** Retrieves a file. Without a new name it keeps its old one. */
  retrieve(step: { session: string; token: Token; file: string }, draft: Draft): void {
    const held = this.handed.get(step.session);
    const memfd = held?.get(step.token);
    if (step.file === '') step.file = memfd?.file ?? `${step.session}/${step.token}`;
    if (!succeeds(draft.step)) return;
    if (!this.retrieved.has(step.session))
      this.unknown('session', 'was retrieved in this epoch', step.session, this.retrieved, draft);
    else if (!memfd)
      this.unknown(
        'token',
        `of session ${shown(step.session)} was preserved`,
        String(step.token),
        [...(held?.keys() ?? [])].map(String),
        draft,
      );
    if (this.files.has(step.file)) {
      this.problems.add(
        draft.path,
        `expected a unique name; there is a file ${shown(step.file)} already`,
        'give it another name with as',
      );
    }
    if (memfd) {
      this.files.set(step.file, memfd);
      this.everMade.set(step.file, memfd);
    }
  }

  close(target: { kind: 'session' | 'file'; name: string } | { kind: 'device' }, draft: Draft): void {
    if (target.kind === 'file') {
      if (!this.files.delete(target.name)) this.unknownFile(target.name, draft);
    } else if (target.kind === 'session') {
      this.openSession(target.name, draft);
      // The retrieved session goes first, because a new one may be open under the same name.
      if (!this.retrieved.delete(target.name)) this.outgoing.delete(target.name);
    }
  }

  /** Reports a session that is neither created nor retrieved. */
  openSession(name: string, draft: Draft): void {
    if (this.retrieved.has(name) || this.outgoing.has(name)) return;
    this.unknown('session', 'is open here', name, [...this.retrieved, ...this.outgoing.keys()], draft);
  }

  /** The last client with the session is gone. The scenario may still try to retrieve it in the next kernel. */
  loseSession(name: string): void {
    const held = this.outgoing.get(name);
    if (held !== undefined) this.handed.set(name, held);
    this.outgoing.delete(name);
    this.retrieved.delete(name);
  }

  /** After a kexec, or the end of the agent. */
  loseAgent(): void {
    // Also remember sessions that were closed together with the agent: the scenario may try to retrieve them.
    for (const [name, held] of this.outgoing) this.handed.set(name, held);
    this.files = new Map();
    this.outgoing = new Map();
    this.retrieved = new Set();
  }

  unknownFile(name: string, draft: Draft): void {
    this.unknown('file', 'is open here', name, this.files.keys(), draft);
  }

  unknown(what: string, condition: string, name: string, known: Iterable<string>, { path }: Draft): void {
    const names = [...known];
    const near = nearest(name, names);
    const existing = names.length > 0 ? `there is ${listed(names, 8)}` : `there is none`;
    this.problems.add(
      path,
      `no ${what} ${what === 'token' ? name : shown(name)} ${condition}`,
      near ? `did you mean "${near}"?` : existing,
    );
  }
}
