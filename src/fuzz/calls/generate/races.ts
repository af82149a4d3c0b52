// SPDX-License-Identifier: Apache-2.0
// Two clients that call at the same moment, and clients that call while the kexec is on its way.
import { MAIN } from '../../../model/scenario/client.js';
import { seedOf } from '../../../scenario/steps/seed.js';
import type { Operation } from '../operation.js';
import type { Draw } from './draw.js';
import type { Intent } from './intent.js';
import type { Scene } from './scene.js';

/** Another client, which is started if there is none. */
function otherClient({ model: { state } }: Scene): { client: string; first: Operation[] } {
  const [client] = state.clients;
  if (client !== undefined) return { client, first: [] };
  return { client: 'c1', first: [{ op: 'client', client: 'c1' }] };
}

/** Calls on a session that both clients may make. The replay keeps those pairs whose order makes no difference. */
function callOn(draw: Draw, session: string, scene: Scene, by: Pick<Operation, 'by'>): Operation {
  const files = scene.model.state.open(session)?.session.files;
  const token = draw.of([...(files?.keys() ?? [])]) ?? 1;
  const close: Operation = { op: 'close', target: { kind: 'session', name: session }, ...by };
  const says: Operation = draw.once(2)
    ? { op: 'get-name', session, name: session, ...by }
    : { op: 'link', session, ...by };
  // What the kind of session does not allow is a mistake, and no race is needed for it.
  if (scene.model.state.open(session)?.kind !== 'incoming') return draw.once(2) ? close : says;
  const file = scene.name('race');
  return draw.from<Operation>([
    close,
    close,
    { op: 'finish', session, ...by },
    { op: 'retrieve', session, token, file, ...by },
    says,
  ]);
}

/** A session goes to another client, and both call; also by its name, through the device. */
function raceOn(draw: Draw, scene: Scene, session: string): Operation[] {
  const { client: by, first } = otherClient(scene);
  const { state } = scene.model;
  const held = state.holds('session', session, by);
  const given: Operation[] = [
    ...first,
    ...(held ? [] : [{ op: 'pass' as const, from: MAIN, to: by, what: { kind: 'session' as const, name: session } }]),
  ];
  if (draw.once(2))
    return [...given, { ...callOn(draw, session, scene, { by }), during: 'next' }, callOn(draw, session, scene, {})];
  // The first client lets go of it, and asks for it by its name while the other one calls.
  const gone: Operation[] = [{ op: 'close', target: { kind: 'session', name: session } }];
  const byName: Operation = draw.once(4) ? { op: 'create', session } : { op: 'retrieve-session', session };
  return [...given, ...gone, { ...callOn(draw, session, scene, { by }), during: 'next' }, byName];
}

const MAX_RACES = 6;
/** Sessions of a storm. */
const HERD = [6, 8, 4] as const;
/** A session is busy with its end for as long as it has pages to give back. */
const HERD_SIZES = [2 ** 20, 4096, 2 ** 22 - 1] as const;

/** Sessions alike, each with a file. */
function herd(draw: Draw, scene: Scene): Operation[] {
  const [count, size] = [draw.from(HERD), draw.from(HERD_SIZES)];
  return Array.from({ length: count }, () => [scene.name('herd'), scene.name('f')] as const).flatMap(
    ([session, file]): Operation[] => [
      { op: 'create', session },
      {
        op: 'memfd',
        memfd: {
          kind: 'memfd',
          file,
          size: scene.room(size),
          seed: seedOf(file),
          holes: [],
          huge: false,
          seals: [],
          position: 0,
        },
      },
      { op: 'preserve', session, file, token: 1 },
    ],
  );
}

/** One client closes all sessions of the last kernel, while the first one asks for each by its name. */
function storm(scene: Scene): Operation[] {
  const { client: by, first } = otherClient(scene);
  const sessions = scene.handed().slice(0, HERD[1]);
  if (sessions.length < 2) return [];
  return [
    ...first,
    ...sessions.flatMap((session): Operation[] => [
      { op: 'retrieve-session', session },
      { op: 'pass', from: MAIN, to: by, what: { kind: 'session', name: session } },
      { op: 'close', target: { kind: 'session', name: session } },
    ]),
    ...sessions.flatMap((session): Operation[] => [
      { op: 'close', target: { kind: 'session', name: session }, by, during: 'next' },
      { op: 'retrieve-session', session },
    ]),
  ];
}

export const RACES: readonly Intent[] = [
  {
    weight: 6,
    operations: (draw, scene) => {
      const open = [...scene.sessions('incoming', MAIN), ...scene.sessions('outgoing', MAIN)];
      if (open.length === 0) {
        const session = scene.handed()[0];
        return session === undefined ? [] : [{ op: 'retrieve-session', session }];
      }
      const session = draw.of(open);
      return session === undefined ? [] : raceOn(draw, scene, session).slice(0, MAX_RACES);
    },
  },
  { weight: 5, operations: (draw, scene) => (scene.model.epoch === 0 ? herd(draw, scene) : storm(scene)) },
];

/** Files of one page that a client preserves while the kexec is on its way; before: what they need. */
export function atKexec(draw: Draw, scene: Scene): { before: Operation[]; during: Operation[] } {
  const { client: by, first } = otherClient(scene);
  const session = scene.name('s');
  const count = draw.from([40, 40, 60, 8, 1]);
  const size = draw.from([4096, 1, 65536]);
  const files = Array.from({ length: count }, () => scene.name('f'));
  return {
    before: [
      ...first,
      { op: 'create', session },
      { op: 'pass', from: MAIN, to: by, what: { kind: 'session', name: session } },
      ...files.map((file): Operation => ({
        op: 'memfd',
        memfd: { kind: 'memfd', file, size, seed: seedOf(file), holes: [], huge: false, seals: [], position: 0 },
        by,
      })),
    ],
    during: files.map((file, index): Operation => ({
      op: 'preserve',
      session,
      file,
      token: index + 1,
      by,
      during: 'kexec',
    })),
  };
}
