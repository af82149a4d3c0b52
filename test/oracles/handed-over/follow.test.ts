// SPDX-License-Identifier: Apache-2.0
// Pages that are followed from one kernel into the next, in made-up memory: no pattern is known.
import { describe, expect, it } from 'vitest';
import { Fingerprints } from '../../../src/oracles/handed-over/fingerprints.js';
import { lookAtArrival, lookAtEnd } from '../../../src/oracles/handed-over/follow.js';
import { judgePages, type Looks } from '../../../src/oracles/handed-over/verdict.js';
import type { StructOf } from '../../../src/oracles/pages/folio.js';
import { KhopIndex } from '../../../src/oracles/pages/khop.js';
import { atOnce } from '../../../src/util/loop/turns.js';
import { FakeMemory } from '../../qemu/fake-memory.js';

const PAGE = 4096;
const FIRST = 8;
const PAGES = 4;
const RUNS = [{ page: 0, pfn: FIRST, count: PAGES }];
const ALL = [0, 1, 2, 3];

type Fate = { file: number; page: number } | 'free';

/** A machine whose next kernel does with the pages what the test says. */
class Machine {
  readonly memory = new FakeMemory(1 << 20);
  readonly read = (phys: number, into: Uint8Array) => this.memory.read(phys, into);
  readonly prints: Fingerprints;
  arrived = ALL;
  marked: number[] = [];
  /** Pages that the kernel does not take for valid. */
  readonly stale = new Set<number>();
  fates: Fate[] = ALL.map((page) => ({ file: 1, page }));

  constructor(written: readonly number[] = ALL) {
    for (const page of written) this.write(page, `page ${page}`);
    this.prints = atOnce(Fingerprints.take(this.read, RUNS));
  }

  write(page: number, text: string): void {
    this.memory.write((FIRST + page) * PAGE + 100, Buffer.from(text));
  }

  judge(content: Looks['content'] = 'as-before', metadata: Looks['metadata'] = []) {
    const { read, prints } = this;
    const marks = (pages: readonly number[]) => new KhopIndex(pages.map((page) => ({ pfn: FIRST + page, order: 0 })));
    return judgePages({
      pages: PAGES,
      arrival: this.arrival ?? atOnce(lookAtArrival(read, RUNS, { marked: marks(this.arrived), prints })),
      end: atOnce(lookAtEnd(read, RUNS, { marked: marks(this.marked), prints, structOf: this.structOf })),
      content,
      metadata,
    });
  }

  /** Looks now, and not when the file is judged. */
  arrive(): void {
    const marked = new KhopIndex(this.arrived.map((page) => ({ pfn: FIRST + page, order: 0 })));
    this.arrival = atOnce(lookAtArrival(this.read, RUNS, { marked, prints: this.prints }));
  }

  private arrival: Looks['arrival'] | undefined;

  private readonly structOf: StructOf = (pfn) => {
    const words = new Uint32Array(16);
    const fate = this.fates[pfn - FIRST];
    if (fate !== undefined && fate !== 'free') {
      words[0] = this.stale.has(pfn - FIRST) ? 0 : 8;
      words.set([0x1000 * fate.file, 0xffff_8880, fate.page], 6);
      words.set([0xffff_ffff, 1], 12);
    }
    return { words, at: 0 };
  };
}

function machine(change: (machine: Machine) => void = () => undefined): Machine {
  const made = new Machine();
  made.arrive();
  change(made);
  return made;
}

describe('pages that were handed over', () => {
  it('are preserved if each is in its place of one file, with its content', () =>
    expect(machine().judge()).toEqual({
      arrived: 4,
      cached: 4,
      marked: 0,
      released: 0,
      changed: 0,
      state: 'preserved',
      problems: [],
    }));

  it('are leaked if nobody retrieved them', () =>
    expect(machine((it) => (it.marked = ALL)).judge()).toMatchObject({ state: 'leaked', marked: 4, cached: 0 }));

  it('are released if they arrived as they were and were given back since', () =>
    expect(machine((it) => (it.fates = ALL.map(() => 'free' as const))).judge()).toMatchObject({
      state: 'released',
      released: 4,
      problems: [],
    }));

  it('are released where another file has the memory since, at the same place', () => {
    const reused = machine((it) => {
      it.fates = [{ file: 2, page: 0 }, 'free', 'free', 'free'];
      it.write(0, 'somebody else');
    });
    expect(reused.judge()).toMatchObject({ state: 'released', released: 4, changed: 0 });
  });

  it('are corrupt if one had other content when the next kernel was up', () => {
    const early = new Machine();
    early.write(2, 'flip');
    early.arrive();
    expect(early.judge()).toMatchObject({
      state: 'corrupt',
      arrived: 3,
      problems: [expect.stringMatching(/^1 of 4 pages had other content .* first page 2 at pfn 0xa$/)],
    });
  });

  it('are corrupt if one has other content in its file', () => {
    const late = machine((it) => it.write(1, 'flip'));
    expect(late.judge()).toMatchObject({ state: 'corrupt', changed: 1 });
    expect(late.judge('may-change')).toMatchObject({ state: 'preserved', changed: 1 });
  });

  it('are corrupt if one was given away while the file has the others', () =>
    expect(machine((it) => (it.fates[3] = 'free')).judge()).toMatchObject({
      state: 'corrupt',
      problems: [expect.stringMatching(/1 of 4 pages were given away .* first page 3/)],
    }));

  it('are corrupt if two changed places', () =>
    expect(
      machine((it) => ([it.fates[0], it.fates[1]] = [it.fates[1] as Fate, it.fates[0] as Fate])).judge(),
    ).toMatchObject({ state: 'corrupt', problems: [expect.stringMatching(/2 of 4 pages are at another place/)] }));

  it('are corrupt if one was never retrieved while the file has the others, and lost if the others are gone', () => {
    expect(machine((it) => (it.marked = [3])).judge()).toMatchObject({ state: 'corrupt', marked: 1, cached: 3 });
    const gone = machine((it) => {
      it.marked = [3];
      it.fates = ALL.map(() => 'free' as const);
    });
    expect(gone.judge()).toMatchObject({ state: 'lost', marked: 1, released: 3 });
  });

  it('are corrupt if one reads as zeros in its file; a page that held zeros may', () => {
    const stale = machine((it) => it.stale.add(2));
    expect(stale.judge()).toMatchObject({
      state: 'corrupt',
      changed: 0,
      problems: [expect.stringMatching(/1 of 4 pages read as zeros .* first page 2/)],
    });
    const empty = new Machine([0, 1, 3]);
    empty.arrive();
    empty.stale.add(2);
    expect(empty.judge()).toMatchObject({ state: 'preserved', problems: [] });
  });

  it('are lost if the next kernel was not told of one', () => {
    const lost = new Machine();
    lost.arrived = [0, 1, 2];
    lost.arrive();
    expect(lost.judge()).toMatchObject({ state: 'lost', arrived: 3 });
  });

  it('are corrupt if the file is no longer what it was', () =>
    expect(machine().judge('as-before', ['size 1, was 2'])).toMatchObject({
      state: 'corrupt',
      problems: ['size 1, was 2'],
    }));

  it('are unjudged if the machine ended first', () =>
    expect(judgePages({ pages: 4, arrival: null, end: null, content: 'as-before', metadata: [] }).state).toBe(
      'unjudged',
    ));
});

it('only the marks count on arrival where somebody else compares the content', () => {
  const marked = new KhopIndex([
    { pfn: FIRST, order: 1 },
    { pfn: FIRST + 3, order: 0 },
  ]);
  const read = () => {
    throw new Error('nothing has to be read');
  };
  expect(atOnce(lookAtArrival(read, RUNS, { marked, prints: null }))).toEqual({
    pages: 4,
    unmarked: { count: 1, first: { page: 2, pfn: FIRST + 2 } },
    changed: { count: 0, first: null },
  });
});

describe('fingerprints', () => {
  it('tell a page of zeros, a page without memory and a page that was not asked for', () => {
    const memory = new FakeMemory(4 * PAGE);
    const prints = atOnce(Fingerprints.take((phys, into) => memory.read(phys, into), [{ pfn: 2, count: 4 }]));
    expect([prints.pages, prints.missing]).toEqual([4, 2]);
    const one = Buffer.alloc(PAGE, 1);
    expect([prints.matches(2, Buffer.alloc(PAGE)), prints.matches(2, one), prints.matches(1, one)]).toEqual([
      true,
      false,
      null,
    ]);
  });

  it('take each page once, where spans overlap', () => {
    const memory = new FakeMemory(64 * PAGE);
    const spans = [
      { pfn: 10, count: 4 },
      { pfn: 12, count: 4 },
    ];
    expect(atOnce(Fingerprints.take((phys, into) => memory.read(phys, into), spans)).pages).toBe(6);
  });
});
