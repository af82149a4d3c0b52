// SPDX-License-Identifier: Apache-2.0
// Deliberate mistakes: calls that a right kernel refuses, or that nobody needs.
import type { Operation } from '../operation.js';
import type { Draw } from './draw.js';
import type { Intent } from './intent.js';
import type { Scene } from './scene.js';
import { memfdOf } from './sizes.js';

/** Bytes that are odd in a name: a slash, a quote, a per cent sign, two bytes of one letter. */
const ODD = ['a/b', '..', '%s%n', "q'uote", 'é', ' ', '-', 'x'.repeat(63)];

function anySession(draw: Draw, scene: Scene): string | undefined {
  return draw.of([...scene.sessions('outgoing', 'main'), ...scene.sessions('incoming', 'main')]);
}

function create(session: string | undefined): Operation[] {
  return session === undefined ? [] : [{ op: 'create', session }];
}

export const MISTAKES: readonly Intent[] = [
  // A name that is taken.
  { weight: 6, operations: (draw, scene) => create(draw.of(scene.sessions('outgoing', 'main'))) },
  { weight: 3, operations: (draw, { model }) => create(draw.from(['', 'x'.repeat(model.kernel.limits.name + 1)])) },
  { weight: 2, operations: (draw) => create(draw.of(ODD)) },
  {
    weight: 2,
    operations: (draw, scene) => [
      { op: 'retrieve-session', session: draw.of(scene.sessions('outgoing', 'main')) ?? 'nobody' },
    ],
  },
  {
    // Retrieved before, finished, or closed.
    weight: 2,
    operations: (draw, { model: { state } }) => {
      const session = draw.of(
        [...state.incoming.values()].filter((each) => each.state !== 'handed').map(({ name }) => name),
      );
      return session === undefined ? [] : [{ op: 'retrieve-session', session }];
    },
  },
  {
    // A token that the session has, with a new file.
    weight: 2,
    operations: (draw, scene) => {
      const session = draw.of(scene.sessions('outgoing', 'main'));
      const token = draw.of([...(scene.model.state.outgoing.get(session ?? '')?.files.keys() ?? [])]);
      if (session === undefined || token === undefined) return [];
      const memfd = memfdOf(draw, scene);
      return [
        { op: 'memfd', memfd },
        { op: 'preserve', session, file: memfd.file, token },
      ];
    },
  },
  {
    // A file that a session of the last kernel still has, or a session of the last kernel as target.
    weight: 2,
    operations: (draw, scene) => {
      const session = anySession(draw, scene);
      const file = draw.of(scene.files('main'));
      return session === undefined || file === undefined ? [] : [{ op: 'preserve', session, file, token: 77 }];
    },
  },
  {
    // A sparse file that no machine could hold. It is closed again: nobody can read so much.
    weight: 1,
    operations: (draw, scene) => {
      const session = draw.of(scene.sessions('outgoing', 'main'));
      if (session === undefined || !draw.once(8)) return [];
      const memfd = { ...memfdOf(draw, scene), size: 0, holes: [], seals: [], huge: false };
      const { file } = memfd;
      return [
        { op: 'memfd', memfd },
        { op: 'truncate', file, size: 2 ** 40 },
        { op: 'preserve', session, file, token: 88 },
        { op: 'close', target: { kind: 'file', name: file } },
      ];
    },
  },
  {
    // A token that nobody has used, or a file once more.
    weight: 4,
    operations: (draw, scene) => {
      const session = anySession(draw, scene);
      if (session === undefined) return [];
      const tokens = [...(scene.model.state.open(session)?.session.files.keys() ?? [])];
      return [{ op: 'retrieve', session, token: draw.of([...tokens, 4711]) ?? 4711, file: scene.name('again') }];
    },
  },
  {
    weight: 2,
    operations: (draw, scene) => {
      const session = draw.of(scene.sessions('outgoing', 'main'));
      return session === undefined ? [] : [{ op: 'finish', session }];
    },
  },
  {
    // Finished twice, or before all its files were retrieved, which frees them.
    weight: 1,
    operations: (draw, scene) => {
      const { incoming } = scene.model.state;
      const all = scene.sessions('incoming', 'main');
      const again = all.filter((session) => incoming.get(session)?.finished);
      const session = draw.of(again.length > 0 || !draw.once(4) ? again : all);
      return session === undefined ? [] : [{ op: 'finish', session }];
    },
  },
  {
    weight: 1,
    operations: (draw, scene) => {
      const by = draw.of([...scene.model.state.clients]);
      if (by === undefined) return [];
      return [draw.once(2) ? { op: 'open' } : { op: 'create', session: scene.name('s'), by }];
    },
  },
];
