// SPDX-License-Identifier: Apache-2.0
// The explicit form: each step as written becomes an action; repeats are unrolled, templates filled in.
import { dirname, resolve } from 'node:path';
import type { Action, Fault, MemfdSpec, ObjectSpec } from '../../model/scenario/scenario.js';
import { type Token, TOKEN_WORDS, tokenOf } from '../../model/scenario/token.js';
import { changeOf } from '../validate/change.js';
import type { Path } from '../document.js';
import { callOf, clientTranslations } from './clients.js';
import { deviceTranslations } from './devices.js';
import { fileTranslations } from './files.js';
import { guestTranslations } from './guests.js';
import { LIMITS } from '../schema/limits.js';
import { checkMemfd, checkObject, flagsOf } from '../validate/content.js';
import { shown } from '../problem.js';
import type { Problems } from '../problems.js';
import { type FaultBodyInput, FAULT_WORDS, toFault } from '../schema/faults.js';
import type { OperationsInput, RepeatInput, StepInput } from '../schema/steps.js';
import { seedOf } from '../short/seed.js';
import type { StepList } from './steplist.js';
import { fill, type Numbers, unfilled } from './template.js';

type Given<K extends keyof OperationsInput> = Exclude<OperationsInput[K], undefined>;

/** Where one step is translated: its place, and the numbers of the repeats around it. */
interface Site {
  path: Path;
  numbers: Numbers;
  problems: Problems;
  /** Folder of the scenario. */
  folder: string;
}

/** Fills in a name; a template without a number is an error, as it is never meant. */
function named(text: string, site: Site, ...keys: string[]): string {
  const strange = unfilled(text, site.numbers)[0];
  if (strange !== undefined) {
    const known = [...site.numbers.keys()].map((name) => `{${name}}`).join(', ');
    site.problems.add(
      [...site.path, ...keys],
      `no number is known for {${strange}} in ${shown(text)}`,
      known ? `known here: ${known}` : 'values come from repeat',
    );
  }
  return fill(text, site.numbers);
}

function nameIn(value: string | Record<string, unknown>, key: string, site: Site): string {
  return typeof value === 'string' ? named(value, site) : named(String(value[key]), site, key);
}

function tokenIn(value: Token, site: Site): Token {
  if (typeof value === 'number') return value;
  const text = named(value, site, 'token');
  const token = tokenOf(text);
  if (token !== null) return token;
  if (!text.includes('{')) site.problems.add([...site.path, 'token'], `expected ${TOKEN_WORDS}, found ${shown(text)}`);
  return 0;
}

/** The fault of a list entry or a step, with what is impossible about it reported. */
export function faultOf(input: FaultBodyInput, path: Path, problems: Problems): Fault | null {
  const fault = toFault(input);
  if (fault === 'change') return changeOf(input.change!, [...path, 'change'], problems);
  if (!fault) problems.add(path, `expected exactly one of ${FAULT_WORDS.join(', ')}`);
  else if (fault.kind === 'replace' && Buffer.byteLength(fault.write) > Buffer.byteLength(fault.find)) {
    problems.add(
      [...path, 'replace', 'with'],
      `expected at most ${Buffer.byteLength(fault.find)} bytes, the length of ${shown(fault.find)}; found ${Buffer.byteLength(fault.write)}`,
    );
  }
  return fault;
}

function close(value: Given<'close'>, site: Site): Action | null {
  if (typeof value === 'string') return { op: 'close', target: { kind: 'session', name: named(value, site) } };
  const { session, file, device } = value;
  if ([session, file, device].filter((each) => each !== undefined).length !== 1) {
    site.problems.add(site.path, 'expected exactly one of session, file, device');
    return null;
  }
  if (session !== undefined) return { op: 'close', target: { kind: 'session', name: named(session, site, 'session') } };
  if (file !== undefined) return { op: 'close', target: { kind: 'file', name: named(file, site, 'file') } };
  return { op: 'close', target: { kind: 'device' } };
}

function memfd(value: Given<'memfd'>, site: Site): Action {
  const file = named(value.name, site, 'name');
  const { size, holes, huge, seals, position, flags } = value;
  const spec: MemfdSpec = {
    kind: 'memfd',
    file,
    size,
    seed: value.seed ?? seedOf(file),
    holes,
    huge,
    seals,
    position,
    ...flagsOf(flags),
  };
  checkMemfd(spec, site.path, site.problems);
  return { op: 'memfd', memfd: spec };
}

function object(value: Given<'object'>, site: Site): Action {
  const file = named(value.name, site, 'name');
  const { size, array, state, label } = value;
  const spec: ObjectSpec = {
    kind: 'object',
    file,
    size,
    seed: value.seed ?? seedOf(file),
    holes: [],
    array: array ?? 0,
    state: state ?? 0,
    label: label ?? '',
  };
  checkObject(spec, site.path, 'size', site.problems);
  return { op: 'object', object: spec };
}

function retrieve(value: Given<'retrieve'>, site: Site): Action | null {
  const session = nameIn(value, 'session', site);
  if (typeof value === 'string') return { op: 'retrieve-session', session };
  if (value.token === undefined) {
    if (value.as === undefined) return { op: 'retrieve-session', session };
    site.problems.add([...site.path, 'as'], 'expected a token as well, because only a file gets a name');
    return null;
  }
  // Without `as` the name is found out when the steps are followed.
  return {
    op: 'retrieve',
    session,
    token: tokenIn(value.token, site),
    file: value.as === undefined ? '' : named(value.as, site, 'as'),
  };
}

function exec(value: Given<'exec'>, site: Site): Action {
  if (typeof value === 'string')
    return { op: 'exec', command: fill(value, site.numbers), status: 0, stdout: null, timeout: LIMITS.execTimeout };
  const stdout = value.stdout === undefined ? null : fill(value.stdout, site.numbers);
  return {
    op: 'exec',
    command: fill(value.command, site.numbers),
    status: value.status,
    stdout,
    timeout: value.timeout,
  };
}

function fault(value: Given<'fault'>, site: Site): Action | null {
  if (typeof value === 'string') return { op: 'fault', at: 'now', fault: { kind: value } };
  const body = faultOf(value, site.path, site.problems);
  if (!body) return null;
  return {
    op: 'fault',
    at: value.at,
    fault: body.kind === 'flip' ? { ...body, file: named(body.file, site, 'flip', 'file') } : body,
  };
}

/** One entry for every operation that a step can be. */
const TRANSLATE: { [K in keyof OperationsInput]-?: (value: Given<K>, site: Site) => Action | null } = {
  open: () => ({ op: 'open' }),
  create: (value, site) => ({ op: 'create', session: nameIn(value, 'session', site) }),
  memfd,
  object,
  preserve: (value, site) => ({
    op: 'preserve',
    session: named(value.session, site, 'session'),
    file: named(value.file, site, 'file'),
    token: tokenIn(value.token, site),
  }),
  retrieve,
  check: (value, site) => ({ op: 'check', file: nameIn(value, 'file', site) }),
  finish: (value, site) => ({ op: 'finish', session: nameIn(value, 'session', site) }),
  close,
  load: (value) => ({
    op: 'load',
    via: value === 'legacy' || (typeof value === 'object' && value?.via === 'legacy') ? 'legacy' : 'file',
  }),
  kexec: () => ({ op: 'kexec' }),
  abort: () => ({ op: 'abort' }),
  'kill-agent': () => ({ op: 'kill-agent' }),
  exec,
  upload: (value, site) => ({
    op: 'upload',
    from: resolve(site.folder, fill(value.from, site.numbers)),
    to: fill(value.to, site.numbers),
    mode: value.mode,
  }),
  fault,
  ...deviceTranslations<Site>({ named, tokenIn }),
  ...guestTranslations<Site>(named),
  ...fileTranslations<Site>(named),
  ...clientTranslations<Site>(named),
};

function errnoOf(value: unknown): string | null {
  return typeof value === 'object' && value !== null && 'errno' in value && typeof value.errno === 'string'
    ? value.errno
    : null;
}

function expandRepeat(repeat: RepeatInput, site: Site, out: StepList): void {
  const path = [...site.path, 'steps'];
  if (site.numbers.has(repeat.as))
    site.problems.add(
      [...site.path, 'as'],
      `{${repeat.as}} is already used by an outer repeat`,
      'choose another name with as',
    );
  for (let number = 1; number <= repeat.count; number++) {
    expandAll(repeat.steps, { ...site, path, numbers: new Map(site.numbers).set(repeat.as, number) }, out);
    // What is wrong in the first round is wrong in all of them.
    if (!site.problems.empty) return;
  }
}

function expandAll(steps: readonly StepInput[], site: Site, out: StepList): void {
  for (const [index, step] of steps.entries()) {
    const path = [...site.path, index];
    if (typeof step === 'string') {
      out.add(TRANSLATE[step](true, site)!, path);
      continue;
    }
    const keys = Object.keys(step) as (keyof typeof step)[];
    const key = keys[0];
    if (key === undefined || keys.length !== 1) {
      site.problems.add(
        path,
        `expected one operation for each step, found ${keys.length === 0 ? 'none' : keys.join(' and ')}`,
      );
    } else if (key === 'repeat') {
      expandRepeat(step.repeat!, { ...site, path: [...path, 'repeat'] }, out);
    } else {
      const translate = TRANSLATE[key] as (value: unknown, site: Site) => Action | null;
      const action = translate(step[key], { ...site, path: [...path, key] });
      if (action) out.add(action, [...path, key], errnoOf(step[key]), callOf(step[key]));
    }
  }
}

/**
 * How many steps the repeats make, before any is made. A repeat without steps would still take its turns, so it counts
 * as one each.
 */
function countSteps(steps: readonly StepInput[]): number {
  return steps.reduce(
    (sum, step) =>
      sum +
      (typeof step === 'object' && step.repeat ? step.repeat.count * Math.max(1, countSteps(step.repeat.steps)) : 1),
    0,
  );
}

/** Writes down the steps of the explicit form. */
export function expandSteps(steps: readonly StepInput[], file: string, out: StepList, problems: Problems): void {
  const total = countSteps(steps);
  if (total > LIMITS.steps) {
    problems.add(['steps'], `expected at most ${LIMITS.steps} steps in all, found ${total}`, null, 'key');
    return;
  }
  expandAll(steps, { path: ['steps'], numbers: new Map(), problems, folder: dirname(file) }, out);
}
