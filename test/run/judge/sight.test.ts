// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { AgentReply } from '../../../src/guest/agent.js';
import { fileSeenInside, returnedFile } from '../../../src/oracles/files/file-verdict.js';
import { atOnce } from '../../../src/util/loop/turns.js';
import { KhopIndex, countPages, type KhopPages } from '../../../src/oracles/pages/khop.js';
import { Pattern } from '../../../src/oracles/files/pattern.js';
import type { FileRecord } from '../../../src/run/judge/records.js';
import { pagesIn } from '../../../src/run/agent/pages-of-file.js';
import { Recorder } from '../../../src/run/engine/recorder.js';
import { compareCounts, noMarks, noteContent, proveMarks, requireLooks } from '../../../src/run/judge/sight.js';
import type { ExpectedFile, FileState } from '../../../src/run/state/file.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { startClock } from '../../../src/util/clock.js';
import { ClientGone } from '../../../src/util/errors.js';

const spec = {
  kind: 'memfd',
  file: 'ram',
  size: 4 * 4096,
  seed: 1,
  holes: [],
  huge: false,
  seals: [],
  position: 0,
} as const;
const pattern = new Pattern({ ...spec, holes: [] });
const inside = {
  pages: 4,
  bad: 0,
  firstBad: null,
  size: spec.size,
  position: 0,
  seals: [],
  blocks: 32,
  mode: 0o777,
  access: 'rw',
  object: null,
};

function file(more: Partial<ExpectedFile> = {}): ExpectedFile {
  return {
    name: 'ram',
    session: 's',
    token: 1,
    spec: { ...spec, holes: [], seals: [] },
    pattern,
    runs: [{ page: 0, pfn: 8, count: 4 }],
    before: null,
    hugeKiB: 0,
    retrieved: back(),
    errno: null,
    ...more,
  };
}

function back(more: Partial<FileState> = {}): FileState {
  return {
    name: 'ram',
    spec: { ...spec, holes: [], seals: [] },
    pattern,
    preservedIn: [],
    runs: [{ page: 0, pfn: 8, count: 4 }],
    before: null,
    hugeKiB: 0,
    inside,
    ...more,
  };
}

function marks(...found: KhopPages[]) {
  return { found, index: new KhopIndex(found), total: countPages(found) };
}

function run() {
  const recorder = new Recorder(startClock(), () => undefined);
  recorder.epoch = 1;
  return { parts: { recorder, state: new RunState() }, recorder };
}

const read = (phys: number, into: Uint8Array) => {
  for (let at = 0; at < into.length; at += 4096) into.set(pattern.page((phys + at) / 4096 - 8), at);
  return true;
};

function record(which: ExpectedFile): FileRecord {
  const now = which.retrieved?.runs ?? [];
  const verdict =
    which.retrieved?.hidden === undefined
      ? atOnce(returnedFile(read, pattern, which.runs, now, { problems: [], badPages: 0 }))
      : fileSeenInside({ problems: [], pages: 4, badPages: 0 });
  return { kind: 'memfd', file: which, verdict };
}

describe('an answer of the agent about pages', () => {
  const reply = (data: object, ok = true): AgentReply => ({
    id: 1,
    ok,
    errno: ok ? null : 'ENOENT',
    at: ok ? null : 'open /proc/self/pagemap',
    us: 0,
    data: data as AgentReply['data'],
  });

  it('gives the places of the pages', () =>
    expect(pagesIn(reply({ runs: [[0, 8, 4]] }), 2 ** 30)).toEqual({
      runs: [{ page: 0, pfn: 8, count: 4 }],
      hidden: null,
    }));
  it('gives the reason, not an empty list, where it failed', () =>
    expect(pagesIn(reply({}, false), 2 ** 30)).toEqual({ runs: [], hidden: 'ENOENT (open /proc/self/pagemap)' }));
  it.each([[{ runs: [[0, 8, -4]] }], [{ runs: 'none' }], [{}], [{ runs: [[0, 8, 2 ** 40]] }]])(
    'is rejected where it makes no sense: %j',
    (data) => expect(() => pagesIn(reply(data), 2 ** 30)).toThrow(ClientGone),
  );
});

describe('the witnesses of content', () => {
  it('count what they saw', () => {
    const { parts, recorder } = run();
    requireLooks(parts, [file()], 0);
    noteContent(parts, [record(file())]);
    expect(recorder.witnesses.report()).toMatchObject({
      inside: { looked: true, counted: 4 },
      outside: { looked: true, counted: 4 },
      marks: { looked: false, required: true },
    });
  });

  it.each([
    ['in the old kernel', file({ runs: [], hidden: 'ENOENT (open /proc/self/pagemap)' })],
    ['in the next kernel', file({ retrieved: back({ runs: [], hidden: 'ENOENT (open /proc/self/pagemap)' }) })],
    ['anywhere, without an error', file({ runs: [], retrieved: back({ runs: [] }) })],
  ])('outside is blind where no pages are reported %s', (_, which) => {
    const { parts, recorder } = run();
    requireLooks(parts, [which], 0);
    noteContent(parts, [record(which)]);
    expect(recorder.witnesses.missing().map(({ witness }) => witness)).toContain('outside');
    expect(recorder.incidents).toEqual([]);
  });
});

describe('the marks', () => {
  const judge = (handedOver: ReturnType<typeof marks>, expected: ExpectedFile[]) => {
    const { parts, recorder } = run();
    requireLooks(parts, expected, 0);
    proveMarks(parts, handedOver, expected);
    return {
      missing: recorder.witnesses.missing().filter(({ witness }) => witness === 'marks'),
      incidents: recorder.incidents.map(({ implies }) => implies),
    };
  };

  it('are trusted where every page of every file had one', () =>
    expect(judge(marks({ pfn: 8, order: 2 }, { pfn: 90, order: 0 }), [file()])).toEqual({
      missing: [],
      incidents: [],
    }));
  it('are not trusted where no page had one', () =>
    expect(judge(marks({ pfn: 90, order: 0 }), [file()]).missing).toMatchObject([
      { epoch: 1, hint: expect.stringContaining('khop.ts') as string },
    ]));
  it('are a finding where pages of a file that came back lack them', () =>
    expect(judge(marks({ pfn: 8, order: 1 }), [file()])).toEqual({ missing: [], incidents: ['corrupt'] }));
  it('are no further finding where pages of a lost file lack them', () =>
    expect(judge(marks({ pfn: 8, order: 1 }), [file({ retrieved: null })])).toEqual({ missing: [], incidents: [] }));
  it('need no file', () => expect(judge(marks(), [])).toEqual({ missing: [], incidents: [] }));

  it.each([
    [5, 5, 0],
    [5, 4, 1],
    [5, null, 1],
  ])('%d gone and %s managed pages more: blind %d times', (restored, managed, blind) => {
    const { parts, recorder } = run();
    requireLooks(parts, [], 0);
    proveMarks(parts, marks(), []);
    compareCounts(parts, restored, managed);
    expect(recorder.witnesses.missing()).toHaveLength(blind);
  });

  it('are blind without the array of pages', () => {
    const { parts, recorder } = run();
    requireLooks(parts, [], 0);
    noMarks(parts);
    expect(recorder.witnesses.missing()).toMatchObject([{ witness: 'marks', epoch: 1 }]);
  });

  it('are counted in a range', () => {
    const index = new KhopIndex([
      { pfn: 10, order: 1 },
      { pfn: 20, order: 2 },
    ]);
    expect(
      [
        [0, 100],
        [11, 10],
        [12, 8],
        [11, 1],
        [23, 9],
        [24, 1],
      ].map(([pfn = 0, count = 0]) => index.marked(pfn, count)),
    ).toEqual([6, 2, 0, 1, 1, 0]);
  });
});
