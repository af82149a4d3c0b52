// SPDX-License-Identifier: Apache-2.0
// The refusals that the kernel owes, as tables: the first line that applies gives the errno, in the order in which the
// kernel asks. kernel/liveupdate/luo_session.c and luo_file.c, mm/shmem.c and mm/memfd.c.
import type { CallLimits } from '../limits.js';
import type { SeriesRules } from '../series.js';
import { type Answer, OK, refused } from './answer.js';
import type { Descriptor, Incoming, LuoState, Session } from './state.js';

export interface Rule<C> {
  when: (context: C) => boolean;
  errno: string;
}

export function answerOf<C>(rules: readonly Rule<C>[], context: C): Answer {
  const rule = rules.find(({ when }) => when(context));
  return rule === undefined ? OK : refused(rule.errno);
}

/** What a call on /dev/liveupdate depends on. */
export interface DeviceCall {
  state: LuoState;
  client: string;
  name: string;
  rules: SeriesRules;
  limits: CallLimits;
}

const bytes = (name: string) => Buffer.byteLength(name);
const otherHasDevice = ({ state, client }: DeviceCall) => state.device !== null && state.device !== client;
const handed = ({ state, name }: DeviceCall): Incoming | undefined => state.incoming.get(name);

export const OPEN: readonly Rule<DeviceCall>[] = [{ when: otherHasDevice, errno: 'EBUSY' }];

export const CREATE: readonly Rule<DeviceCall>[] = [
  ...OPEN,
  { when: ({ name, limits }) => bytes(name) === 0 || bytes(name) > limits.name, errno: 'EINVAL' },
  { when: ({ state, limits }) => !limits.grows && state.outgoing.size >= limits.sessions, errno: 'ENOMEM' },
  { when: ({ state, name }) => state.outgoing.has(name), errno: 'EEXIST' },
];

export const RETRIEVE_SESSION: readonly Rule<DeviceCall>[] = [
  ...OPEN,
  { when: (call) => handed(call) === undefined || handed(call)?.state === 'gone', errno: 'ENOENT' },
  { when: (call) => handed(call)?.state === 'retrieved', errno: 'EINVAL' },
];

/** What a call on a session depends on. `file`: the descriptor to preserve. */
export interface SessionCall {
  target: { kind: 'incoming'; session: Incoming } | { kind: 'outgoing'; session: Session };
  token: number | string;
  limits: CallLimits;
  rules: SeriesRules;
}

const TIB = 2 ** 40;
const isIncoming = ({ target }: SessionCall) => target.kind === 'incoming';
const isOutgoing = ({ target }: SessionCall) => target.kind === 'outgoing';

/** Asked before the kernel looks at the file. */
export const PRESERVE_TOKEN: readonly Rule<SessionCall>[] = [
  { when: isIncoming, errno: 'EINVAL' },
  { when: ({ target, token }) => target.session.files.has(token), errno: 'EEXIST' },
  { when: ({ target, limits }) => !limits.grows && target.session.files.size >= limits.files, errno: 'ENOSPC' },
];

export const PRESERVE: readonly Rule<SessionCall & { file: Descriptor }>[] = [
  ...PRESERVE_TOKEN,
  { when: ({ file }) => file.inode.hugetlb, errno: 'ENOENT' },
  // A file belongs to one session, and to that of the last kernel until it is finished.
  { when: ({ file }) => file.inode.preservedIn !== null || file.inode.heldBy !== null, errno: 'EBUSY' },
  // Its pages need an array that no machine of the lab has room for.
  { when: ({ file }) => file.inode.size >= TIB, errno: 'ENOMEM' },
];

export const RETRIEVE: readonly Rule<SessionCall>[] = [
  { when: isOutgoing, errno: 'EINVAL' },
  {
    when: ({ target, token }) =>
      (target.kind === 'incoming' && target.session.finished) || !target.session.files.has(token),
    errno: 'ENOENT',
  },
];

export const FINISH: readonly Rule<SessionCall>[] = [{ when: isOutgoing, errno: 'EINVAL' }];

export const GET_NAME: readonly Rule<SessionCall>[] = [
  { when: ({ rules }) => rules.getName === 'unknown', errno: 'EINVAL' },
];

/** What a change of a file depends on. `end`: the byte after the last one of the change. */
export interface FileCall {
  file: Descriptor;
  end: number;
}

const sealed =
  (...seals: ('shrink' | 'grow' | 'write' | 'future_write' | 'seal')[]) =>
  ({ file }: FileCall) =>
    seals.some((seal) => file.inode.seals.has(seal));
const readOnly = ({ file }: FileCall) => file.access === 'r';
/** The size of a preserved file is fixed. */
const frozen = ({ file }: FileCall) => file.inode.preservedIn !== null;
const grows = ({ file, end }: FileCall) => end > file.inode.size;
const shrinks = ({ file, end }: FileCall) => end < file.inode.size;

export const WRITE: readonly Rule<FileCall>[] = [
  { when: readOnly, errno: 'EBADF' },
  { when: sealed('write', 'future_write'), errno: 'EPERM' },
  { when: (call) => grows(call) && (sealed('grow')(call) || frozen(call)), errno: 'EPERM' },
];

export const TRUNCATE: readonly Rule<FileCall>[] = [
  { when: readOnly, errno: 'EINVAL' },
  { when: (call) => shrinks(call) && (sealed('shrink')(call) || frozen(call)), errno: 'EPERM' },
  { when: (call) => grows(call) && (sealed('grow')(call) || frozen(call)), errno: 'EPERM' },
];

export const ALLOCATE: readonly Rule<FileCall>[] = [
  { when: readOnly, errno: 'EBADF' },
  { when: frozen, errno: 'EPERM' },
  { when: (call) => grows(call) && sealed('grow')(call), errno: 'EPERM' },
];

export const PUNCH_HOLE: readonly Rule<FileCall>[] = [
  { when: readOnly, errno: 'EBADF' },
  { when: frozen, errno: 'EPERM' },
  { when: sealed('write', 'future_write'), errno: 'EPERM' },
];

/** `adds`: F_SEAL_WRITE is among the new seals. */
export const SEAL: readonly Rule<FileCall & { adds: 'write' | 'others' }>[] = [
  { when: readOnly, errno: 'EPERM' },
  { when: sealed('seal'), errno: 'EPERM' },
  // Its pages are pinned: somebody could still write to them.
  { when: (call) => call.adds === 'write' && frozen(call) && call.file.inode.size > 0, errno: 'EBUSY' },
];
