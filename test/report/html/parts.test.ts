// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { bugsOfNight } from '../../../src/report/html/bugs.js';
import { summaryOf } from '../../../src/report/html/grid.js';
import { LOOKS } from '../../../src/report/html/parts/look.js';
import { crashLines, partsOf } from '../../../src/report/html/run/console.js';
import { pagesByState } from '../../../src/report/html/run/memory.js';
import { lanesOf } from '../../../src/report/html/run/phases.js';
import type { EventRead } from '../../../src/store/run/read-logs.js';
import { nightOf } from '../night.js';
import { resource, resultOf } from '../result.js';

const pairResultsOf = (pairResults: Parameters<typeof nightOf>[0]) => nightOf(pairResults).pairResults;

describe('how an outcome looks', () => {
  it('needs no colour: every letter and every word is another', () => {
    for (const key of ['letter', 'word'] as const)
      expect(new Set(Object.values(LOOKS).map((look) => look[key])).size).toBe(Object.keys(LOOKS).length);
  });
});

describe('a cell of the grid', () => {
  it.each([
    [{ a: ['preserved'], b: ['preserved'] }, 'good', 0],
    [{ a: ['preserved'], b: ['leak'] }, 'leak', 1],
    [{ a: ['leak'], b: ['panic'], c: ['hang'] }, 'panic', 3],
    [{ a: ['preserved', 'panic'], b: ['panic'] }, 'flaky', 2],
    [{ a: ['preserved'], b: ['infra'] }, 'infra', 0],
    [{ a: ['preserved'], b: [null] }, 'pending', 0],
  ])('of %j is %s', (pairResults, state, bad) =>
    expect(summaryOf(pairResultsOf(pairResults))).toMatchObject({ state, bad }),
  );
});

describe('failures of a night', () => {
  it('are put together by title, the unexpected first; what the lab failed at is none', () => {
    const bugs = bugsOfNight(
      pairResultsOf({ a: ['lost:T'], b: ['lost:T'], c: ['panic:U'], d: ['infra:I'], e: ['preserved'] }),
      new Map(),
    );
    expect(bugs.map(({ title, pairResults, failed }) => [title, pairResults.length, failed])).toEqual([
      ['T', 2, 2],
      ['U', 1, 1],
    ]);
  });
});

describe('the console of a page', () => {
  const head = Array.from({ length: 1000 }, (_, at) => `line ${at + 1} ${'x'.repeat(40)}`);
  const log = { head, leftOut: 0, tail: [] };
  it('is whole where it fits', () => expect(partsOf(log, [], 1 << 20)).toEqual([{ first: 1, lines: head }]));
  it('keeps what is around the crash, and the end', () => {
    const parts = partsOf(log, [{ line: 500, title: 'T', severity: 'panic' }], 4000);
    expect(parts.map(({ first, lines }) => [first, first + lines.length - 1])).toEqual([
      [496, 514],
      [989, 1000],
    ]);
  });
  it('never has more than it may', () => {
    for (const budget of [0, 100, 1000, 5000])
      expect(
        partsOf(
          log,
          head.map((_, at) => ({ line: at * 7, title: 'T', severity: 'panic' })),
          budget,
        )
          .flatMap(({ lines }) => lines)
          .join('').length,
      ).toBeLessThanOrEqual(budget);
  });
  it('bears lines that it does not have', () =>
    expect(
      partsOf(
        { head: ['a'], leftOut: 0, tail: [] },
        [
          { line: 0, title: '', severity: '' },
          { line: 9e15, title: '', severity: '' },
        ],
        5,
      ),
    ).toEqual([]));
  it('of a machine that said nothing is nothing', () =>
    expect(partsOf({ head: [], leftOut: 0, tail: [] }, [], 100)).toEqual([]));
});

describe('pages by state', () => {
  it.each([
    [resource(), { intact: 16384 }],
    [
      resource({
        state: 'lost',
        inside: null,
        outside: { pages: 16384, different: 84, overwritten: 84, readable: 16300 },
      }),
      { lost: 16300, reused: 84 },
    ],
    [
      resource({ state: 'corrupt', outside: { pages: 16384, different: 1, overwritten: 0, readable: 0 } }),
      { intact: 16383, corrupt: 1 },
    ],
    [resource({ state: 'leaked' }), { leaked: 16384 }],
    [resource({ state: 'unjudged' }), { unjudged: 16384 }],
  ])('%#', (file, counts) => expect(Object.fromEntries(pagesByState(file))).toEqual(counts));
});

describe('lanes of time', () => {
  const event = (t: number, rest: Record<string, unknown>): EventRead => ({
    kind: String(rest['kind']),
    t,
    epoch: 0,
    rest,
  });
  const step = (t: number, op: string, state = 'done') => event(t, { kind: 'step', op, target: 'vm0', state });
  const kexec = event(4000, { kind: 'kexec', state: 'going' });
  const sessionOf = (...events: EventRead[]) =>
    lanesOf(resultOf('preserved'), events)
      .find(({ name }) => name === 'session vm0')
      ?.bars.map(({ from, to, look }) => [from, to, look]);

  it('show each kernel, and the kexec between', () => {
    expect(lanesOf(resultOf('preserved'), [])[0]?.bars.map(({ from, to, look }) => [from, to, look])).toEqual([
      [100, 2000, 'boot'],
      [2000, 4000, 'up'],
      [4000, 6000, 'kexec'],
      [6000, 8000, 'up'],
    ]);
  });
  it('say that the first boot came from a snapshot', () => {
    const snapshot = { rung: 'jump', key: 'a1', savedAt: '2026-11-28T03:12:40.000Z' } as const;
    const first = (more: Parameters<typeof resultOf>[1]) => lanesOf(resultOf('preserved', more), [])[0]?.bars[0]?.text;
    expect(first({ snapshot })).toBe('boot of 7.2.12, from the snapshot');
    expect(first({ snapshot: { none: 'asked to boot' } })).toBe('boot of 7.2.12');
  });
  it('show a way out after the kernels, and no kernel that came up in it', () => {
    const { timeline } = resultOf('leak');
    const recovery = {
      how: 'update' as const,
      ms: 1000,
      pagesLeaked: { before: 1, after: 0 },
      pagesGivenBack: 1,
      managed: { first: 1, before: 1, after: 1 },
      guestsSurvived: [],
      guestsLost: [],
      problems: [],
      notKnown: null,
    };
    const recovered = resultOf('leak', { recovery, timeline: [...timeline, { t: 7100, epoch: 1, what: 'kexec' }] });
    expect(
      lanesOf(recovered, [])[0]
        ?.bars.slice(2)
        .map(({ from, to, look, text }) => [from, to, look, text]),
    ).toEqual([
      [4000, 6000, 'kexec', 'kexec to 7.3.4: 2.0 s'],
      [6000, 7000, 'up', '7.3.4'],
      [7000, 8000, 'kexec', 'recovery: update'],
    ]);
  });
  it('show a session carried', () =>
    expect(
      sessionOf(step(2500, 'create'), kexec, step(6500, 'retrieve-session'), step(7000, 'finish'), step(7100, 'close')),
    ).toEqual([
      [2500, 4000, 'open'],
      [4000, 6500, 'carried'],
      [6500, 7000, 'open'],
    ]));
  it('show one that did not come back, or was never asked for', () => {
    expect(sessionOf(step(2500, 'create'), kexec, step(6500, 'retrieve-session', 'failed'))).toEqual([
      [2500, 4000, 'open'],
      [4000, 6500, 'broken'],
    ]);
    expect(sessionOf(step(2500, 'create'), kexec)).toEqual([
      [2500, 4000, 'open'],
      [4000, 8000, 'broken'],
    ]);
  });
  it('take crash lines from the events, whatever is in them', () => {
    expect(crashLines([event(1, { kind: 'crash', line: -5, title: 7 }), event(1, { kind: 'note' })])).toEqual([
      { line: 0, title: '', severity: '' },
    ]);
  });
});
