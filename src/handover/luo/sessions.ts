// SPDX-License-Identifier: Apache-2.0
// Sessions and the files in them (include/linux/kho/abi/luo.h, 6.19 to 7.3). The kernel writes them during the kexec,
// not before.
import type { FileRef } from '../../model/scenario/place.js';
import { blockHeader, chained, inArray, isChained } from './entries.js';
import { Instance } from '../memory/layouts.js';
import { luoPointer } from './luo.js';
import { HandoverError } from '../memory/memory.js';
import type { Walk } from '../source.js';
import type { Spot } from '../place/field-location.js';

const NONE = 'no session is written down; the kernel does that during the kexec';
/** As many as any kernel takes in all. */
const MOST_SESSIONS = 600_000;
const MOST_NAMED = 12;

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

export function sessionsSpot(walk: Walk, field: 'count' | 'next'): Spot {
  const pointer = sessionsPointer(walk);
  if (isChained(walk)) return blockHeader(walk, pointer, 'the sessions').spot(field);
  if (field === 'next') throw new HandoverError('the sessions of this kernel are one array: there is no next block');
  return arrayHeader(walk).spot(field);
}

export function flbsSpot(walk: Walk, field: 'count' | 'pages'): Spot {
  const at = walk.memory.address(luoPointer(walk, 'flbs'), 8, 'the header of the FLBs');
  return new Instance(walk.memory, walk.layouts, 'luo_flb_header_ser', at).spot(field === 'pages' ? 'pgcnt' : 'count');
}

/** All sessions in order; none before the kernel has written them. */
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
    if (others.length < MOST_NAMED) others.push(other);
    if (++count > MOST_SESSIONS) break;
  }
  throw new HandoverError(
    count === 0 ? NONE : `no session ${name} is written down`,
    count === 0 ? {} : { detail: `${count} are, such as ${others.join(', ')}` },
  );
}

export function sessionSpot(walk: Walk, name: string, field: 'name' | 'count' | 'files'): Spot {
  return sessionNamed(walk, name).spot(field === 'name' ? 'name' : `file_set_ser.${field}`);
}

export function filesSpot(walk: Walk, name: string, field: 'count' | 'next'): Spot {
  return blockHeader(walk, sessionNamed(walk, name).number('file_set_ser.files'), `the files of ${name}`).spot(field);
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
    if (tokens.length < MOST_NAMED) tokens.push(String(other));
  }
  throw new HandoverError(`session ${session} holds no file of token ${token}`, {
    detail: tokens.length === 0 ? 'it holds none' : `it holds ${tokens.join(', ')}`,
  });
}
