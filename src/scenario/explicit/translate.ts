// SPDX-License-Identifier: Apache-2.0
// Translates each operation of a step into an action.
import { resolve } from 'node:path';
import type { Action, MemfdSpec, ObjectSpec } from '../../model/scenario/scenario.js';
import { LIMITS } from '../schema/limits.js';
import type { OperationsInput } from '../schema/steps.js';
import { seedOf } from '../steps/seed.js';
import { fill } from '../steps/template.js';
import { checkMemfd, checkObject, flagsOf } from '../validate/content.js';
import { faultOf } from '../validate/faults.js';
import { clientTranslations } from './clients.js';
import { DESCRIPTOR_TRANSLATIONS } from './descriptors.js';
import { deviceTranslations } from './devices.js';
import { fileTranslations } from './files.js';
import { guestTranslations } from './guests.js';
import { rawTranslations } from './raw.js';
import { named, nameIn, type Site, tokenIn } from './site.js';

type Given<K extends keyof OperationsInput> = Exclude<OperationsInput[K], undefined>;

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
  // Without `as`, validate/follow-sessions.ts fills in the old name.
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

/** One function for each operation. */
export const TRANSLATE: { [K in keyof OperationsInput]-?: (value: Given<K>, site: Site) => Action | null } = {
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
  'hotplug-memory': ({ size, timeout }, site) => {
    if (size === 0 || size % LIMITS.module !== 0)
      site.problems.add([...site.path, 'size'], `expected whole 128MiB, found ${size} bytes`);
    return { op: 'hotplug-memory', size, timeout };
  },
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
  ...rawTranslations<Site>(named),
  ...clientTranslations<Site>(named),
  ...DESCRIPTOR_TRANSLATIONS,
};
