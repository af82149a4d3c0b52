// SPDX-License-Identifier: Apache-2.0
// Serialized sessions and their files (include/linux/kho/abi/luo.h, 6.19 to 7.3). The kernel writes them during the
// kexec, not before.
import type { FileRef } from '../../model/scenario/place.js';
import { blockHeader, chained, inArray, isChained } from './entries.js';
import { Instance } from '../memory/layouts.js';
import { luoPointer } from './luo.js';
import { HandoverError } from '../memory/memory.js';
import type { Walk } from '../memory/source.js';
import type { FieldLocation } from '../memory/field-location.js';

const NONE = 'there is no serialized session; the kernel writes them during the kexec';
/** More than any kernel accepts. */
const MAX_SESSIONS = 600_000;
const MAX_NAMED = 12;

function sessionsPointer(walk: Walk): bigint {
  const pointer = luoPointer(walk, 'sessions');
  if (pointer === 0n) throw new HandoverError(NONE);
  return pointer;
}

/** The header of the array of sessions (6.19 to 7.1). */
function arrayHeader(walk: Walk): Instance {
  return new Instance(
    walk.memory,
    walk.layouts,
    'luo_session_header_ser',
    walk.memory.address(sessionsPointer(walk), 8, 'the array of sessions'),
  );
}

export function sessionsLocation(walk: Walk, field: 'count' | 'next'): FieldLocation {
  const pointer = sessionsPointer(walk);
  if (isChained(walk)) return blockHeader(walk, pointer, 'the sessions').locate(field);
  if (field === 'next')
    throw new HandoverError('the sessions of this kernel are a single array: there is no next block');
  return arrayHeader(walk).locate(field);
}

export function flbsLocation(walk: Walk, field: 'count' | 'pages'): FieldLocation {
  const at = walk.memory.address(luoPointer(walk, 'flbs'), 8, 'the header of the FLBs');
  return new Instance(walk.memory, walk.layouts, 'luo_flb_header_ser', at).locate(
    field === 'pages' ? 'pgcnt' : 'count',
  );
}

/** All sessions in order; empty before the kernel has written them. */
export function* sessions(walk: Walk): Generator<Instance> {
  if (luoPointer(walk, 'sessions') === 0n) return;
  if (isChained(walk)) yield* chained(walk, sessionsPointer(walk), 'luo_session_ser', 'the sessions');
  else {
    const header = arrayHeader(walk);
    yield* inArray(
      walk,
      header.phys + header.structure.size,
      header.number('count'),
      'luo_session_ser',
      'the sessions',
    );
  }
}

export function sessionNamed(walk: Walk, name: string): Instance {
  const others: string[] = [];
  let count = 0;
  for (const session of sessions(walk)) {
    const other = session.text('name');
    if (other === name) return session;
    if (others.length < MAX_NAMED) others.push(other);
    if (++count > MAX_SESSIONS) break;
  }
  throw new HandoverError(
    count === 0 ? NONE : `there is no serialized session ${name}`,
    count === 0 ? {} : { detail: `there are ${count}, such as ${others.join(', ')}` },
  );
}

export function sessionLocation(walk: Walk, name: string, field: 'name' | 'count' | 'files'): FieldLocation {
  return sessionNamed(walk, name).locate(field === 'name' ? 'name' : `file_set_ser.${field}`);
}

export function filesLocation(walk: Walk, name: string, field: 'count' | 'next'): FieldLocation {
  return blockHeader(walk, sessionNamed(walk, name).number('file_set_ser.files'), `the files of ${name}`).locate(field);
}

/** The files of a session in order. */
export function* filesOf(walk: Walk, session: Instance): Generator<Instance> {
  const pointer = session.number('file_set_ser.files');
  if (pointer === 0n) return;
  const what = 'the files of a session';
  if (isChained(walk)) yield* chained(walk, pointer, 'luo_file_ser', what);
  else
    yield* inArray(
      walk,
      walk.memory.address(pointer, 8, what),
      session.number('file_set_ser.count'),
      'luo_file_ser',
      what,
    );
}

export function fileOf(walk: Walk, { session, token }: FileRef): Instance {
  const tokens: string[] = [];
  for (const file of filesOf(walk, sessionNamed(walk, session))) {
    const other = file.number('token');
    if (other === BigInt(token)) return file;
    if (tokens.length < MAX_NAMED) tokens.push(String(other));
  }
  throw new HandoverError(`session ${session} has no file with token ${token}`, {
    detail: tokens.length === 0 ? 'it has no files' : `it has ${tokens.join(', ')}`,
  });
}
