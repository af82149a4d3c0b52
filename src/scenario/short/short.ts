// SPDX-License-Identifier: Apache-2.0
// The short form: sessions with files become the steps of every epoch.
import type { DevicePlan } from '../../model/scenario/device.js';
import type { FilledSpec } from '../../model/scenario/scenario.js';
import { type Token, TOKEN_WORDS, tokenAfter } from '../../model/scenario/token.js';
import type { Path } from '../document.js';
import { LIMITS } from '../schema/limits.js';
import { checkMemfd, checkObject, flagsOf } from '../validate/content.js';
import { shown } from '../problem.js';
import type { Problems } from '../problems.js';
import type { KEXEC_WAYS } from '../schema/scenario.js';
import type { SessionFileInput, SessionInput } from '../schema/sessions.js';
import { seedOf } from './seed.js';
import { DeviceExpansion, giveToGuests, planDevices } from './devices.js';
import { GuestExpansion, planGuests, type PlannedGuest } from './guests.js';
import type { StepList } from '../explicit/steplist.js';
import { fill, unfilled } from '../explicit/template.js';

interface PlannedFile {
  spec: FilledSpec;
  token: Token;
  path: Path;
}

interface PlannedSession {
  name: string;
  files: PlannedFile[];
  guests: PlannedGuest[];
  retrieve: boolean;
  finish: boolean;
  path: Path;
}

const COPY: ReadonlyMap<string, number> = new Map([['i', 1]]);

/** A name for many needs a {i}, and no template that nothing is known for. */
function checkName(name: string, count: number, path: Path, problems: Problems): boolean {
  const strange = unfilled(name, COPY)[0];
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
    if (index === 0 && input.name !== undefined && !checkName(input.name, input.count, [...path, 'name'], problems))
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
  const strange = (spec.kind === 'memfd' ? OF_OBJECTS : OF_MEMFDS).find((key) => isSet(input[key]));
  if (strange !== undefined)
    problems.add(
      [...path, strange],
      `${strange} is not possible for ${spec.kind === 'memfd' ? 'a memfd' : 'an object'}`,
      null,
      'key',
    );
  if (spec.kind === 'memfd') checkMemfd(spec, path, problems);
  else checkObject(spec, path, 'object', problems);
}

function planSessions(inputs: readonly SessionInput[], problems: Problems): PlannedSession[] {
  const planned: PlannedSession[] = [];
  const names = new Set<string>();
  for (const [at, input] of inputs.entries()) {
    const path = ['sessions', at];
    if (!checkName(input.name, input.count, [...path, 'name'], problems)) continue;
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

class Expansion {
  readonly #out: StepList;
  readonly #devices: DeviceExpansion;
  readonly #guests: GuestExpansion;
  #carried: PlannedSession[];

  constructor(out: StepList, sessions: PlannedSession[], devices: DeviceExpansion) {
    this.#out = out;
    this.#devices = devices;
    this.#guests = new GuestExpansion(out, (back) => devices.attach(back ? this.#carried : null));
    this.#carried = sessions;
  }

  handIn(fresh: boolean): void {
    for (const session of this.#carried) {
      this.#out.add({ op: 'create', session: session.name }, session.path);
      for (const { spec, token, path } of session.files) {
        if (fresh)
          this.#out.add(spec.kind === 'memfd' ? { op: 'memfd', memfd: spec } : { op: 'object', object: spec }, path);
        this.#out.add({ op: 'preserve', session: session.name, file: spec.file, token }, path);
      }
    }
    this.#guests.handIn(fresh, this.#carried);
    this.#devices.handIn(fresh);
  }

  go(way: (typeof KEXEC_WAYS)[number], path: Path): void {
    this.#out.add({ op: 'load', via: way === 'legacy' ? 'legacy' : 'file' }, path);
    if (way === 'kill-agent') this.#out.add({ op: 'kill-agent' }, path);
    this.#guests.leave(way, this.#carried);
    this.#devices.leave(way);
    this.#out.add({ op: way === 'abort' ? 'abort' : 'kexec' }, path);
  }

  /** After an abort the old kernel still has everything. */
  checkAndClose(): void {
    this.#guests.goOn(this.#carried);
    this.#check();
    this.#guests.check(this.#carried);
    this.#devices.check();
    this.#devices.end();
    for (const session of this.#carried)
      this.#out.add({ op: 'close', target: { kind: 'session', name: session.name } }, session.path);
  }

  #check(): void {
    for (const { files } of this.#carried) {
      for (const { spec, path } of files) this.#out.add({ op: 'check', file: spec.file }, path);
    }
  }

  /**
   * All is asked back, then all is checked, then all is finished: calls of one kind follow one another without waiting.
   * A session that is not asked back or not finished stays as it is, and goes no further in a chain.
   */
  takeBack(last: boolean): void {
    this.#carried = this.#carried.filter((session) => session.retrieve);
    for (const session of this.#carried) {
      this.#out.add({ op: 'retrieve-session', session: session.name }, session.path);
      for (const { spec, token, path } of session.files) {
        this.#out.add({ op: 'retrieve', session: session.name, token, file: spec.file }, path);
      }
    }
    this.#guests.takeBack(this.#carried);
    this.#devices.takeBack(this.#carried);
    this.#check();
    this.#guests.check(this.#carried);
    this.#devices.checkThoseOfGuests();
    this.#carried = this.#carried.filter((session) => session.finish);
    for (const session of this.#carried) {
      this.#out.add({ op: 'finish', session: session.name }, session.path);
      this.#out.add({ op: 'close', target: { kind: 'session', name: session.name } }, session.path);
    }
    if (last) this.#devices.end();
  }
}

/** Writes the steps for all updates from the first to the last of `kernels` kernels; `way` is how the last one goes. */
export function expandSessions(
  inputs: readonly SessionInput[],
  hardware: DevicePlan,
  kernels: number,
  way: (typeof KEXEC_WAYS)[number],
  wayPath: Path,
  out: StepList,
  problems: Problems,
): void {
  const planned = planSessions(inputs, problems);
  giveToGuests(
    hardware,
    planned.flatMap(({ guests }) => guests.map(({ spec }) => spec)),
    problems,
  );
  planDevices(hardware, planned, problems);
  const expansion = new Expansion(out, planned, new DeviceExpansion(hardware, out));
  if (!problems.empty) return;
  expansion.handIn(true);
  for (let update = 1; update < kernels; update++) {
    const last = update === kernels - 1;
    expansion.go(last ? way : 'file', wayPath);
    if (last && way === 'abort') {
      expansion.checkAndClose();
      return;
    }
    expansion.takeBack(last);
    if (!last) expansion.handIn(false);
  }
}
