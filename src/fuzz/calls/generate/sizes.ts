// SPDX-License-Identifier: Apache-2.0
// Memfds: sizes around the limits of pages and of the lists that describe them.
import { SEALS, type Seal } from '../../../model/scenario/file-steps.js';
import type { MemfdSpec, PageRange } from '../../../model/scenario/scenario.js';
import { seedOf } from '../../../scenario/steps/seed.js';
import { around } from '../limits.js';
import type { Draw } from './draw.js';
import type { Scene } from './scene.js';

const PAGE = 4096;
const HUGE = 2 ** 21;
/** The largest hole: to preserve it fills it. */
const MAX_HOLE_PAGES = 8192;

export function pagesOf(draw: Draw, folios: number): number {
  const [small, large] = [
    [1, 2, 0, 3, 16, 17],
    [...around(folios), 512, 513, 511, 1024],
  ];
  return (draw.once(4) ? draw.of(large) : draw.of(small)) ?? 1;
}

export function memfdOf(draw: Draw, scene: Scene, file = scene.name('f')): MemfdSpec {
  const { folios } = scene.model.kernel.limits;
  const huge = draw.once(12);
  const rest = draw.from([0, 0, 0, 1, -1, 1234]);
  const wanted = huge ? draw.from([HUGE, 2 * HUGE, HUGE + PAGE, HUGE - 1]) : pagesOf(draw, folios) * PAGE + rest;
  const size = scene.room(Math.max(0, wanted));
  return {
    kind: 'memfd',
    file,
    size,
    seed: seedOf(file),
    holes: draw.once(3) ? holesOf(draw, Math.ceil(size / PAGE)) : [],
    huge,
    seals: draw.once(3) ? sealsOf(draw, scene.model.kernel.rules.seals) : [],
    position: draw.from([0, 0, 0, 1, PAGE, 1_000_000]),
    ...(draw.once(24) ? { flags: [draw.from(['exec', 'exec', 'noexec'])] } : {}),
  };
}

function holesOf(draw: Draw, pages: number): PageRange[] {
  if (pages === 0) return [];
  const first = draw.below(pages);
  const count = Math.min(MAX_HOLE_PAGES, draw.from([1, 2, pages]), pages - first);
  return [{ first, count }];
}

/** Where a kernel loses seals, the loss would hide everything else: most files have none. */
export function sealsOf(draw: Draw, fate: 'kept' | 'lost'): Seal[] {
  if (fate === 'lost' && !draw.once(16)) return [];
  const first = draw.of(SEALS) ?? 'shrink';
  const second = draw.of(SEALS) ?? 'grow';
  return first === second || draw.once(2) ? [first] : [first, second];
}
