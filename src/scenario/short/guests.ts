// SPDX-License-Identifier: Apache-2.0
// The short form: guests of sessions become steps around those of the files. What stops them is done last before the
// kexec, and what makes them go on first after it, each kind of call for all guests before the next, so that no guest
// waits for the others' round trips.
import { guestFiles, type GuestSpec, ticksToShow } from '../../model/scenario/guest.js';
import { freeToken, type Token, TOKEN_WORDS, tokenAfter } from '../../model/scenario/token.js';
import type { Path } from '../document.js';
import { shown } from '../problem.js';
import type { Problems } from '../problems.js';
import type { KEXEC_WAYS } from '../schema/scenario.js';
import type { GuestInput } from '../schema/guests.js';
import { seedOf } from './seed.js';
import type { StepList } from '../explicit/steplist.js';
import { fill, unfilled } from '../explicit/template.js';

export interface PlannedGuest {
  spec: GuestSpec;
  /** Of its RAM. */
  token: Token;
  /** Of its state: the next one. */
  stateToken: Token;
  preserve: GuestInput['preserve'];
  version: number | null;
  reads: number[] | null;
  path: Path;
}

interface GuestsOfSession {
  name: string;
  guests: readonly PlannedGuest[];
}

/**
 * @param copy number of the session among its copies, from 0
 * @param files of the session, whose tokens are taken
 */
export function planGuests(
  session: string,
  copy: number,
  inputs: readonly GuestInput[],
  files: readonly { spec: { file: string }; token: Token }[],
  path: Path,
  problems: Problems,
): PlannedGuest[] {
  const planned: PlannedGuest[] = [];
  const tokens = new Set(files.map(({ token }) => token));
  const names = new Set<string>();
  const perSession = inputs.reduce((sum, { count }) => sum + count, 0);
  for (const [at, input] of inputs.entries()) {
    const here = [...path, 'guests', at];
    const template = input.name ?? (input.count > 1 ? 'guest-{i}' : 'guest');
    if (copy === 0 && !checkName(template, input.count, [...here, 'name'], problems)) continue;
    for (let i = 1; i <= input.count; i++) {
      const name = `${session}/${fill(template, new Map([['i', i]]))}`;
      if (names.has(name)) problems.add(here, `expected a unique name; there is a guest ${shown(name)} already`);
      names.add(name);
      const token = input.token === undefined ? freeToken(tokens, 1, 2) : tokenAfter(input.token, 2 * (i - 1));
      const next = token === null ? null : tokenAfter(token, 1);
      if (token === null || next === null) {
        problems.add(
          [...here, 'token'],
          `expected ${TOKEN_WORDS}; a guest needs two, and those of copy ${i} are larger`,
        );
        break;
      }
      if (tokens.has(token) || tokens.has(next))
        problems.add(
          [...here, 'token'],
          `expected two unique tokens in session ${shown(session)}; ${token} or ${next} is taken`,
        );
      tokens.add(token).add(next);
      const seed = input.seed === undefined ? seedOf(name) : (input.seed + copy * perSession + i - 1) >>> 0;
      const { kind, vcpus, size, features, devices, preserve } = input;
      planned.push({
        spec: { name, kind, vcpus, size, seed, features, devices },
        token,
        stateToken: next,
        preserve,
        version: input.version ?? null,
        reads: input.reads ?? null,
        path: here,
      });
    }
  }
  return planned;
}

function checkName(name: string, count: number, path: Path, problems: Problems): boolean {
  const strange = unfilled(name, new Map([['i', 1]]))[0];
  if (strange !== undefined)
    problems.add(path, `no number is known for {${strange}} in ${shown(name)}`, 'did you mean {i}?');
  else if (count > 1 && !name.includes('{i}'))
    problems.add(
      path,
      `expected a name with {i}, because there are ${count} copies; found ${shown(name)}`,
      `did you mean "${name}-{i}"?`,
    );
  else return true;
  return false;
}

/** Writes the steps of the guests of all sessions. */
export class GuestExpansion {
  readonly #out: StepList;
  readonly #attach: (back: boolean) => void;

  /** @param attach writes the steps that give guests their devices, while they stand still; `back`: after an update */
  constructor(out: StepList, attach: (back: boolean) => void) {
    this.#out = out;
    this.#attach = attach;
  }

  /** @param fresh they are not there yet */
  handIn(fresh: boolean, sessions: readonly GuestsOfSession[]): void {
    if (fresh) {
      this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-create', guest: spec.name, spec }, path));
      this.#attach(false);
      this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-run', guest: spec.name }, path));
      this.#each(sessions, ({ spec, path }) =>
        this.#out.add({ op: 'guest-wait', guest: spec.name, ticks: ticksToShow(spec) }, path),
      );
    }
    this.#preserve(sessions, 'running');
  }

  /** The kexec is next. */
  leave(way: (typeof KEXEC_WAYS)[number], sessions: readonly GuestsOfSession[]): void {
    if (way === 'kill-agent') return;
    this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-pause', guest: spec.name }, path));
    this.#each(sessions, ({ spec, version, path }) =>
      this.#out.add({ op: 'guest-save', guest: spec.name, version }, path),
    );
    this.#preserve(sessions, 'paused');
  }

  /** The update was called off. */
  goOn(sessions: readonly GuestsOfSession[]): void {
    this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-resume', guest: spec.name }, path));
  }

  takeBack(sessions: readonly GuestsOfSession[]): void {
    this.#each(sessions, ({ spec, token, stateToken, path }, session) => {
      const { ram, state } = guestFiles(spec.name);
      this.#out.add({ op: 'retrieve', session, token, file: ram }, path);
      this.#out.add({ op: 'retrieve', session, token: stateToken, file: state }, path);
    });
    this.#each(sessions, ({ spec, reads, path }) =>
      this.#out.add({ op: 'guest-restore', guest: spec.name, ...guestFiles(spec.name), skip: [], reads }, path),
    );
    this.#attach(true);
    this.goOn(sessions);
  }

  check(sessions: readonly GuestsOfSession[]): void {
    this.#each(sessions, ({ spec, path }) => this.#out.add({ op: 'guest-check', guest: spec.name }, path));
  }

  #preserve(sessions: readonly GuestsOfSession[], time: GuestInput['preserve']): void {
    this.#each(sessions, ({ spec, token, stateToken, preserve, path }, session) => {
      if (preserve !== time) return;
      const { ram, state } = guestFiles(spec.name);
      this.#out.add({ op: 'preserve', session, file: ram, token }, path);
      this.#out.add({ op: 'preserve', session, file: state, token: stateToken }, path);
    });
  }

  #each(sessions: readonly GuestsOfSession[], write: (guest: PlannedGuest, session: string) => void): void {
    for (const { name, guests } of sessions) for (const guest of guests) write(guest, name);
  }
}
