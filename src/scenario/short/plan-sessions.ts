// SPDX-License-Identifier: Apache-2.0
// The short form: the sessions with their files and guests, all copies made.
import type { FilledSpec } from '../../model/scenario/scenario.js';
import { type Token, TOKEN_WORDS, tokenAfter } from '../../model/scenario/token.js';
import { LIMITS } from '../schema/limits.js';
import type { SessionFileInput, SessionInput } from '../schema/sessions.js';
import type { Path } from '../source/document.js';
import { shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { seedOf } from '../steps/seed.js';
import { fill } from '../steps/template.js';
import { checkMemfd, checkObject, flagsOf } from '../validate/content.js';
import { checkCopyName } from './copy-name.js';
import { type PlannedGuest, planGuests } from './plan-guests.js';

export interface PlannedFile {
  spec: FilledSpec;
  token: Token;
  path: Path;
}

export interface PlannedSession {
  name: string;
  files: PlannedFile[];
  guests: PlannedGuest[];
  retrieve: boolean;
  finish: boolean;
  path: Path;
}

function planFiles(
  owner: string,
  index: number,
  inputs: readonly SessionFileInput[],
  paths: readonly Path[],
  problems: Problems,
): PlannedFile[] {
  const files: PlannedFile[] = [];
  const tokens = new Set<Token>();
  const names = new Set<string>();
  const perSession = inputs.reduce((sum, input) => sum + input.count, 0);
  for (const [at, input] of inputs.entries()) {
    const path = paths[at]!;
    if (index === 0 && input.name !== undefined && !checkCopyName(input.name, input.count, [...path, 'name'], problems))
      continue;
    for (let copy = 1; copy <= input.count; copy++) {
      const token = input.token === undefined ? files.length + 1 : tokenAfter(input.token, copy - 1);
      if (token === null) {
        problems.add([...path, 'token'], `expected ${TOKEN_WORDS}; the token of copy ${copy} is larger`);
        break;
      }
      const name = input.name === undefined ? String(token) : fill(input.name, new Map([['i', copy]]));
      if (tokens.has(token)) {
        problems.add(
          input.token === undefined ? path : [...path, 'token'],
          `expected a unique token in session ${shown(owner)}; ${token} is taken`,
        );
      }
      if (names.has(name))
        problems.add(
          input.name === undefined ? path : [...path, 'name'],
          `expected a unique name; session ${shown(owner)} has a file ${shown(name)} already`,
        );
      tokens.add(token);
      names.add(name);
      const file = `${owner}/${name}`;
      const seed = input.seed === undefined ? seedOf(file) : (input.seed + index * perSession + copy - 1) >>> 0;
      files.push({ spec: specOf(input, file, seed), token, path });
    }
    if (index === 0 && files.length > 0) checkSpec(files.at(-1)!.spec, input, path, problems);
  }
  return files;
}

function specOf(input: SessionFileInput, file: string, seed: number): FilledSpec {
  const { memfd, object, holes, huge, seals, position, flags, array, state, label } = input;
  return object === undefined
    ? { kind: 'memfd', file, size: memfd ?? 0, seed, holes, huge, seals, position, ...flagsOf(flags) }
    : { kind: 'object', file, size: object, seed, holes: [], array: array ?? 0, state: state ?? 0, label: label ?? '' };
}

const OF_OBJECTS = ['array', 'state', 'label'] as const;
const OF_MEMFDS = ['holes', 'huge', 'seals', 'flags', 'position'] as const;

function checkSpec(spec: FilledSpec, input: SessionFileInput, path: Path, problems: Problems): void {
  if ((input.memfd === undefined) === (input.object === undefined)) {
    problems.add(path, 'expected exactly one of memfd and object');
    return;
  }
  const isSet = (value: unknown) =>
    value !== undefined && value !== false && value !== 0 && !(Array.isArray(value) && value.length === 0);
  const foreign = (spec.kind === 'memfd' ? OF_OBJECTS : OF_MEMFDS).find((key) => isSet(input[key]));
  if (foreign !== undefined)
    problems.add(
      [...path, foreign],
      `${foreign} is not possible for ${spec.kind === 'memfd' ? 'a memfd' : 'an object'}`,
      null,
      'key',
    );
  if (spec.kind === 'memfd') checkMemfd(spec, path, problems);
  else checkObject(spec, path, 'object', problems);
}

export function planSessions(inputs: readonly SessionInput[], problems: Problems): PlannedSession[] {
  const planned: PlannedSession[] = [];
  const names = new Set<string>();
  for (const [at, input] of inputs.entries()) {
    const path = ['sessions', at];
    if (!checkCopyName(input.name, input.count, [...path, 'name'], problems)) continue;
    const entries = input.count * (1 + [...input.files, ...input.guests].reduce((sum, each) => sum + each.count, 0));
    if (entries > LIMITS.entries) {
      problems.add(path, `expected at most ${LIMITS.entries} sessions and files, found ${entries}`);
      continue;
    }
    const paths = input.files.map((_, index) => [...path, 'files', index]);
    for (let copy = 1; copy <= input.count; copy++) {
      const name = fill(input.name, new Map([['i', copy]]));
      if (names.has(name))
        problems.add([...path, 'name'], `expected a unique name; there is a session ${shown(name)} already`);
      names.add(name);
      const files = planFiles(name, copy - 1, input.files, paths, problems);
      const guests = planGuests(name, copy - 1, input.guests, files, path, problems);
      planned.push({ name, files, guests, retrieve: input.retrieve, finish: input.finish, path });
    }
  }
  return planned;
}
