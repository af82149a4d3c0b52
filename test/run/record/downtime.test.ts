// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Event, EventBody } from '../../../src/model/result/event.js';
import { DowntimeReader } from '../../../src/run/record/downtime.js';

const step = (op: string, ms = 1): EventBody => ({
  kind: 'step',
  index: 0,
  op,
  target: 'x',
  state: 'done',
  errno: null,
  ms,
});
const guest = (what: Extract<EventBody, { kind: 'guest' }>['what']): EventBody => ({ kind: 'guest', guest: 'g', what });

/** The events of one update; times in milliseconds. */
const UPDATE: [number, EventBody][] = [
  [100, guest('pausing')],
  [110, guest('paused')],
  [130, guest('saved')],
  [135, guest('pausing')],
  [138, guest('paused')],
  [140, { kind: 'kexec', state: 'going' }],
  [200, { kind: 'kexec', state: 'left' }],
  [500, { kind: 'epoch', mark: 'boot', release: 'b', bootId: null }],
  [1500, { kind: 'epoch', mark: 'ready', release: 'b', bootId: 'y' }],
  [1705, step('retrieve-session', 5)],
  [1730, step('retrieve')],
  [1760, guest('restored')],
  [1770, guest('resumed')],
  [1790, guest('resumed')],
];
const G = [
  { name: 'g', size: 64 << 20, ms: 1680 },
  { name: 'h', size: 64 << 20, ms: 1690 },
];

function read(events: readonly [number, EventBody][], reader = new DowntimeReader()): DowntimeReader {
  for (const [t, body] of events) reader.take({ t, epoch: 1, ...body } as Event);
  return reader;
}

describe('downtime', () => {
  it('is the time from the first pause to the last resume, and its phases add up to it', () => {
    const downtime = read(UPDATE).finish(G);
    expect(downtime).toMatchObject({
      epoch: 1,
      ms: 1690,
      guests: 2,
      mib: 128,
      perGuest: 845,
      longest: { guest: 'h', ms: 1690 },
      looks: 0,
    });
    expect(Object.fromEntries(downtime?.phases.map(({ phase, ms }) => [phase, ms]) ?? [])).toEqual({
      pause: 38,
      save: 0,
      lab: 2,
      freeze: 60,
      jump: 300,
      boot: 1000,
      agent: 200,
      retrieve: 30,
      restore: 30,
      resume: 30,
    });
    expect(downtime?.phases.reduce((sum, { ms }) => sum + ms, 0)).toBe(downtime?.ms);
  });

  it('does not count the time for which the lab paused the machine', () => {
    const held = UPDATE.flatMap(([t, body]): [number, EventBody][] =>
      t < 140
        ? [[t, body]]
        : body.kind === 'kexec' && body.state === 'going'
          ? [
              [1139, { kind: 'still', ms: 1000 }],
              [1140, body],
            ]
          : [[t + 1000, body]],
    );
    expect(read(held).finish(G)).toMatchObject({ ms: 1690, looks: 1000 });
  });

  it('counts preserving only while the guests are paused', () => {
    const late = [...UPDATE.slice(0, 5), [139, step('preserve')] as [number, EventBody], ...UPDATE.slice(5)];
    expect(read(late).finish(G)?.phases).toContainEqual({ phase: 'preserve', ms: 1 });
    const early = [[50, step('preserve')] as [number, EventBody], ...UPDATE];
    expect(
      read(early)
        .finish(G)
        ?.phases.some(({ phase }) => phase === 'preserve'),
    ).toBe(false);
  });

  it('is null where guests are resumed by the kernel that paused them, or never', () => {
    expect(read([...UPDATE.slice(0, 5), [139, guest('resumed')]]).finish(G)).toBeNull();
    expect(read(UPDATE.slice(0, 10)).finish(G)).toBeNull();
    expect(new DowntimeReader().finish([])).toBeNull();
  });

  it('starts from zero with the next update', () => {
    const reader = read(UPDATE);
    reader.finish(G);
    expect(
      read(
        UPDATE.map(([t, body]) => [t + 5000, body]),
        reader,
      ).finish(G),
    ).toMatchObject({ ms: 1690 });
  });
});
