// SPDX-License-Identifier: Apache-2.0
// The short form: the guests of a session, with names, tokens and seeds.
import type { GuestSpec } from '../../model/scenario/guest.js';
import { freeToken, type Token, TOKEN_WORDS, tokenAfter } from '../../model/scenario/token.js';
import type { GuestInput } from '../schema/guests.js';
import type { Path } from '../source/document.js';
import { shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { seedOf } from '../steps/seed.js';
import { fill } from '../steps/template.js';
import { checkCopyName } from './copy-name.js';

export interface PlannedGuest {
  spec: GuestSpec;
  /** Token of its RAM. */
  token: Token;
  /** Token of its state: the next one. */
  stateToken: Token;
  preserve: GuestInput['preserve'];
  version: number | null;
  reads: number[] | null;
  path: Path;
}

/**
 * @param copy number of the session among its copies, from 0
 * @param files the session's files, which have their tokens already
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
    if (copy === 0 && !checkCopyName(template, input.count, [...here, 'name'], problems)) continue;
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
