// SPDX-License-Identifier: Apache-2.0
// Many calls at once, so that a block or an array of the kernel is right full, nearly full, or just beyond.
import { seedOf } from '../../../scenario/steps/seed.js';
import { around } from '../limits.js';
import type { Operation } from '../operation.js';
import type { Draw } from './draw.js';
import type { Scene } from './scene.js';

/** More calls take too long for one input. */
const MAX_ROUNDS = 140;

/** Creates sessions, or preserves files in one session, up to a number around a limit. */
export function fill(draw: Draw, scene: Scene): Operation[] {
  const { limits } = scene.model.kernel;
  const session = draw.once(2) ? draw.of(scene.sessions('outgoing', 'main')) : undefined;
  const { state } = scene.model;
  const taken = session === undefined ? state.outgoing.size : (state.outgoing.get(session)?.files.size ?? 0);
  const limit = session === undefined ? limits.sessions : limits.files;
  const count = (draw.of(around(limit)) ?? limit) - taken;
  if (count < 1 || count > MAX_ROUNDS) return [];
  const prefix = scene.name(session === undefined ? 's' : 'f');
  const rounds = Array.from({ length: count }, (_, index) => index + 1);
  if (session === undefined) return rounds.map((i) => ({ op: 'create', session: `${prefix}${i}` }));
  const size = draw.from([1, 0, 4096]);
  const first = draw.from([1000, 1]);
  return rounds.flatMap((i): Operation[] => {
    const file = `${prefix}${i}`;
    return [
      {
        op: 'memfd',
        memfd: { kind: 'memfd', file, size, seed: seedOf(file), holes: [], huge: false, seals: [], position: 0 },
      },
      { op: 'preserve', session, file, token: first === 1 ? i : first + i },
    ];
  });
}
