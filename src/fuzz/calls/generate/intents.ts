// SPDX-License-Identifier: Apache-2.0
// Sound calls, as a table.
import { FALLOCATES } from '../../../model/scenario/file-steps.js';
import type { Operation } from '../operation.js';
import { fill } from './bursts.js';
import type { Draw } from './draw.js';
import type { Intent } from './intent.js';
import { MISTAKES } from './mistakes.js';
import { RACES } from './races.js';
import { LINKS, RAW } from './raw.js';
import type { Scene } from './scene.js';
import { memfdOf, sealsOf } from './sizes.js';
import { freshToken } from './tokens.js';

const PAGE = 4096;
const MAX_CLIENTS = 3;

function onFile(draw: Draw, scene: Scene, change: (file: string, size: number) => Operation): Operation[] {
  const { name, ...by } = scene.client(draw);
  const file = draw.of(scene.files(name));
  if (file === undefined) return [];
  return [{ ...change(file, scene.model.state.files.get(file)?.inode.size ?? 0), ...by }];
}

function pages(draw: Draw, size: number): { first: number; count: number } {
  const all = Math.ceil(size / PAGE);
  const first = draw.from([0, Math.max(0, all - 1), all, Math.floor(all / 2)]);
  return { first, count: draw.from([1, 2, 5]) };
}

/** Names have all lengths that the kernel's field has room for. */
function nameOf(draw: Draw, scene: Scene): string {
  const name = scene.name('s');
  const { name: longest } = scene.model.kernel.limits;
  return draw.once(3)
    ? name.padEnd(draw.from([longest, longest - 1, longest >> 1, 1 + draw.below(longest)]), 'x')
    : name;
}

/** A new file in a session. */
export function addFile(draw: Draw, scene: Scene): Operation[] {
  const { name, ...by } = scene.client(draw);
  const session = draw.of(scene.sessions('outgoing', name));
  if (session === undefined) return [];
  const memfd = memfdOf(draw, scene);
  const token = freshToken(draw, scene.model.state.outgoing.get(session)?.files ?? new Map());
  return [
    { op: 'memfd', memfd, ...by },
    { op: 'preserve', session, file: memfd.file, token, ...by },
  ];
}

const ON_SESSIONS: readonly Intent[] = [
  {
    weight: 10,
    operations: (draw, scene) => {
      const { name: _, ...by } = scene.client(draw);
      const session = nameOf(draw, scene);
      const looks: Operation[] = draw.once(3) ? [{ op: 'link', session, ...by }] : [];
      return [{ op: 'create', session, ...by }, ...looks];
    },
  },
  { weight: 16, operations: addFile },
  {
    // A file that is there already, from the last kernel or of another name.
    weight: 6,
    operations: (draw, scene) => {
      const { name, ...by } = scene.client(draw);
      const session = draw.of(scene.sessions('outgoing', name));
      const free = scene.files(name).filter((each) => scene.isFree(each));
      // Once in a while one that is taken.
      const file = draw.of(free.length > 0 && !draw.once(6) ? free : draw.once(4) ? scene.files(name) : []);
      if (session === undefined || file === undefined) return [];
      const token = freshToken(draw, scene.model.state.outgoing.get(session)?.files ?? new Map());
      return [{ op: 'preserve', session, file, token, ...by }];
    },
  },
  {
    weight: 4,
    operations: (draw, scene) => {
      const { name, ...by } = scene.client(draw);
      const session = draw.of([...scene.sessions('outgoing', name), ...scene.sessions('incoming', name)]);
      return session === undefined ? [] : [{ op: 'close', target: { kind: 'session', name: session }, ...by }];
    },
  },
  {
    weight: 2,
    operations: (draw, scene) => {
      const { name, ...by } = scene.client(draw);
      const session = draw.of([...scene.sessions('outgoing', name), ...scene.sessions('incoming', name)]);
      return session === undefined ? [] : [{ op: 'get-name', session, name: session, ...by }];
    },
  },
  {
    weight: 8,
    operations: (draw, scene) => {
      const session = draw.of(scene.handed());
      return session === undefined ? [] : [{ op: 'retrieve-session', session }];
    },
  },
  {
    weight: 14,
    operations: (draw, scene) => {
      const { name, ...by } = scene.client(draw);
      const waiting = draw.of(scene.waiting(name));
      return waiting === undefined ? [] : [{ op: 'retrieve', ...waiting, ...by }];
    },
  },
  {
    weight: 3,
    operations: (draw, scene) => {
      const { name, ...by } = scene.client(draw);
      const done = scene.sessions('incoming', name).filter((session) => {
        const files = scene.model.state.incoming.get(session)?.files ?? new Map();
        return [...files.values()].every(({ retrieved }) => retrieved);
      });
      const session = draw.of(done);
      return session === undefined ? [] : [{ op: 'finish', session, ...by }];
    },
  },
  { weight: 5, operations: fill },
];

const ON_FILES: readonly Intent[] = [
  { weight: 4, operations: (draw, scene) => [{ op: 'memfd', memfd: memfdOf(draw, scene) }] },
  {
    weight: 5,
    operations: (draw, scene) =>
      onFile(draw, scene, (file, size) => ({ op: 'write', file, seed: 1 + draw.below(99), ...pages(draw, size) })),
  },
  {
    weight: 3,
    operations: (draw, scene) =>
      onFile(draw, scene, (file, size) => ({
        op: 'truncate',
        file,
        size: draw.from([0, Math.floor(size / 2), size, size + 1, size + PAGE, Math.max(0, size - PAGE)]),
      })),
  },
  {
    weight: 3,
    operations: (draw, scene) =>
      onFile(draw, scene, (file, size) => {
        const how = draw.once(8)
          ? 'keep-size'
          : (draw.of(FALLOCATES.filter((each) => each !== 'keep-size')) ?? 'allocate');
        return { op: 'fallocate', file, how, ...pages(draw, size) };
      }),
  },
  {
    weight: 2,
    operations: (draw, scene) =>
      onFile(draw, scene, (file) => {
        // A seal that is set too late is lost, and would hide everything else.
        const late = scene.model.state.files.get(file)?.inode.preservedIn !== null;
        const seals = late && !draw.once(12) ? (['write'] as const) : sealsOf(draw, 'kept');
        return { op: 'seal', file, seals: [...seals] };
      }),
  },
  {
    weight: 2,
    operations: (draw, scene) =>
      onFile(draw, scene, (file) => ({ op: 'reopen', file, as: scene.name('o'), access: draw.once(5) ? 'r' : 'rw' })),
  },
  {
    weight: 3,
    operations: (draw, scene) =>
      onFile(draw, scene, (file, size) => ({
        op: 'seek',
        file,
        position: draw.from([0, size, size + 1, 2 ** 40, Number.MAX_SAFE_INTEGER]),
      })),
  },
  {
    // The lab itself checks, through the first client that holds the file.
    weight: 3,
    operations: (draw, scene) => {
      const file = draw.of(scene.files('main'));
      return file === undefined ? [] : [{ op: 'check', file }];
    },
  },
  {
    weight: 4,
    operations: (draw, scene) => onFile(draw, scene, (file) => ({ op: 'close', target: { kind: 'file', name: file } })),
  },
];

const ON_CLIENTS: readonly Intent[] = [
  {
    weight: 2,
    operations: (_, { model: { state } }) =>
      state.clients.size < MAX_CLIENTS ? [{ op: 'client', client: `c${state.clients.size + 1}` }] : [],
  },
  {
    weight: 4,
    operations: (draw, scene) => {
      const { name: from } = scene.client(draw);
      const to = draw.of(['main', ...scene.model.state.clients].filter((each) => each !== from));
      const session = draw.of([...scene.sessions('outgoing', from), ...scene.sessions('incoming', from)]);
      const file = draw.of(scene.files(from));
      const name = draw.once(2) ? file : session;
      if (to === undefined || name === undefined) return [];
      return [{ op: 'pass', from, to, what: { kind: name === file ? 'file' : 'session', name } }];
    },
  },
  {
    weight: 1,
    operations: (draw, { model: { state } }) => {
      const client = draw.of([...state.clients]);
      return client === undefined ? [] : [{ op: 'kill', client }];
    },
  },
  {
    weight: 1,
    operations: (_, { model: { state } }) =>
      state.device === 'main' ? [{ op: 'close', target: { kind: 'device' } }] : [],
  },
];

/** Calls of careful clients. */
export const SOUND: readonly Intent[] = [...ON_SESSIONS, ...ON_FILES, ...ON_CLIENTS, ...LINKS, ...RACES];
export const ALL: readonly Intent[] = [...SOUND, ...MISTAKES, ...RAW];
