// SPDX-License-Identifier: Apache-2.0
import { parseScenario } from '../../../src/scenario/index.js';
import { fakePlan } from '../../fakes/parts.js';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/console/index.js';
import type { Mismatch } from '../../../src/model/kernel/component.js';
import type { EventBody } from '../../../src/model/result/event.js';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import type { MemfdSpec } from '../../../src/model/scenario/scenario.js';
import { NO_PAGES } from '../../../src/oracles/files/file-verdict.js';
import { Pattern } from '../../../src/oracles/files/pattern.js';
import { KhopIndex } from '../../../src/oracles/pages/khop.js';
import type { RunRecord } from '../../../src/run/record/record.js';
import type { FileRecord } from '../../../src/run/judge/records.js';
import { ConsoleScanner } from '../../../src/console/index.js';
import { mismatchesSeen } from '../../../src/run/record/mismatches.js';
import { RESULT_SCHEMA } from '../../../src/model/result/result.js';
import { OUTCOMES, type Outcome } from '../../../src/model/result/outcome.js';
import { Recorder } from '../../../src/run/engine/recorder.js';
import { buildResult } from '../../../src/run/record/result.js';
import { Timeline } from '../../../src/run/record/timeline.js';
import { resultSchema } from '../../../src/store/run/result-schema.js';
import { startClock } from '../../../src/util/clock.js';
import { decide } from '../../../src/verdict/verdict.js';
import { incident } from '../../report/result.js';

const finding = (component: Finding['component'], title = 'KHO: incompatible'): Finding => ({
  type: 'finding',
  title,
  severity: 'kho',
  implies: null,
  line: 1,
  text: title,
  corrupted: null,
  component,
  after: null,
  epoch: 1,
  taint: null,
});
const image = (name: string): KernelImage => ({
  name,
  release: `${name}-built`,
  bzImage: `/k/${name}`,
  vmlinux: null,
  config: null,
  systemMap: null,
  components: [{ name: 'kho', version: 3 }],
  listed: null,
  versions: [],
  known: true,
  notes: [],
  sha256: name,
  cacheDir: null,
});

/** The findings of a console that prints a panic with this text. */
function panicOf(text: string): Finding[] {
  const scanner = new ConsoleScanner();
  const lines = Buffer.from(
    `[    1.000000] Kernel panic - not syncing: ${text}\n` +
      `[    1.000001] ---[ end Kernel panic - not syncing: ${text} ]---\n`,
  );
  return [...scanner.feed(lines), ...scanner.end()].filter((signal) => signal.type === 'finding');
}

describe('mismatches', () => {
  const fromImages: Mismatch[] = [
    { component: 'kho', wrote: 3, reads: [4], endsIn: 'reboot', source: 'images', detail: 'images' },
  ];
  const ended = (outcome: 'panic' | 'lost' | 'preserved') => decide(outcome === 'preserved' ? [] : [incident(outcome)]);

  it.each<[string, Finding[], 'panic' | 'lost' | 'preserved', Mismatch[]]>([
    ['nothing was seen: what the images say', [], 'lost', fromImages],
    ['a complaint about no component', [finding(null)], 'lost', fromImages],
    [
      'the run saw more',
      [finding({ component: 'kho', wrote: 9, reads: [4, 5] })],
      'panic',
      [{ component: 'kho', wrote: 9, reads: [4, 5], endsIn: 'panic', source: 'run', detail: 'KHO: incompatible' }],
    ],
    [
      'the run saw less',
      [finding({ component: 'kho', wrote: null, reads: [] })],
      'lost',
      [{ component: 'kho', wrote: 3, reads: [4], endsIn: 'reboot', source: 'run', detail: 'KHO: incompatible' }],
    ],
    [
      'another component',
      [finding({ component: 'luo', wrote: 1, reads: [2] })],
      'panic',
      [
        ...fromImages,
        { component: 'luo', wrote: 1, reads: [2], endsIn: 'panic', source: 'run', detail: 'KHO: incompatible' },
      ],
    ],
    [
      'a complaint without a consequence',
      [finding({ component: 'kho', wrote: 3, reads: [] })],
      'preserved',
      [{ component: 'kho', wrote: 3, reads: [4], endsIn: 'reboot', source: 'run', detail: 'KHO: incompatible' }],
    ],
    [
      'twice the same: the last word',
      [
        finding({ component: 'kho', wrote: 3, reads: [] }, 'a'),
        finding({ component: 'kho', wrote: 3, reads: [] }, 'b'),
      ],
      'lost',
      [{ component: 'kho', wrote: 3, reads: [4], endsIn: 'reboot', source: 'run', detail: 'b' }],
    ],
    [
      'a panic over the data of PCI devices',
      panicOf('Incoming PCI FLB version (v2) is incompatible with this kernel (v3)'),
      'panic',
      [
        ...fromImages,
        {
          component: 'pci',
          wrote: 2,
          reads: [3],
          endsIn: 'panic',
          source: 'run',
          detail: 'Kernel panic: Incoming PCI FLB version 2 is incompatible with this kernel',
        },
      ],
    ],
  ])('%s', (_, findings, outcome, all) =>
    expect(
      mismatchesSeen(fromImages, { findings, verdict: ended(outcome), objected: [], hardware: [] }, () => []),
    ).toEqual(all),
  );
});

describe('the timeline', () => {
  it.each<[EventBody, string | null]>([
    [{ kind: 'task', task: 'boot', state: 'start' }, null],
    [{ kind: 'task', task: 'boot', state: 'done' }, 'boot: done'],
    [{ kind: 'task', task: 'boot', state: 'failed', detail: 'x' }, 'boot: failed'],
    [{ kind: 'epoch', mark: 'boot', release: '7.3.4', bootId: null }, 'kernel 7.3.4 begins'],
    [{ kind: 'epoch', mark: 'ready', release: '7.3.4', bootId: 'b' }, 'user space of 7.3.4 is up'],
    [{ kind: 'kexec', state: 'loaded' }, 'next kernel loaded'],
    [{ kind: 'kexec', state: 'going' }, 'kexec'],
    [{ kind: 'kexec', state: 'refused', errno: 'EBUSY' }, 'kexec refused: EBUSY'],
    [{ kind: 'fault', fault: 'nmi', places: 1, detail: 'NMI' }, 'fault nmi: NMI'],
    [{ kind: 'qmp', event: 'RESET', data: null }, 'QEMU: RESET'],
    [{ kind: 'qmp', event: 'STOP', data: null }, null],
    [{ kind: 'crash', title: 'Oops', severity: 'oops', line: 1 }, 'console: Oops'],
    [{ kind: 'crash', title: 'kexec', severity: 'info', line: 1 }, null],
    [{ kind: 'step', index: 0, op: 'open', target: 'x', state: 'done', errno: null, ms: 1 }, null],
    [{ kind: 'note', text: 'x' }, null],
  ])('%j', (event, what) => {
    const timeline = new Timeline();
    timeline.take({ t: 5, epoch: 1, ...event });
    expect(timeline.entries).toEqual(what === null ? [] : [{ t: 5, epoch: 1, what }]);
  });

  it('is limited, whatever the machine does', () => {
    const timeline = new Timeline();
    for (let t = 0; t < 100_000; t++) timeline.take({ t, epoch: 0, kind: 'qmp', event: 'RTC_CHANGE', data: null });
    expect(timeline.entries.length).toBe(1000);
  });
});

describe('the recorder', () => {
  const record = () => {
    const events: unknown[] = [];
    return { events, recorder: new Recorder(startClock(), (event) => events.push(event)) };
  };

  it("makes the machine's text safe and short", () => {
    const { recorder } = record();
    recorder.incident({
      source: 'console',
      side: 'inside',
      implies: null,
      title: `\x1b[2J${'t'.repeat(1000)}`,
      detail: `a\r\x1b\n${'x'.repeat(10_000)}\n${'row\n'.repeat(1000)}`,
    });
    const [only] = recorder.incidents;
    expect(only?.title).toMatch(/^\\x1b\[2Jt+\.\.\.$/);
    expect(only?.title.length).toBeLessThan(320);
    expect(only?.detail.split('\n').length).toBe(200);
    expect(only?.detail.length).toBeLessThan(3000);
    expect(only?.detail.startsWith('a\\x0d\\x1b\nxxx')).toBe(true);
  });

  it('keeps room for incidents that decide the outcome, however many others there are', () => {
    const { recorder } = record();
    const say = (implies: Outcome | null, title = 'x', epoch = 0) =>
      recorder.incident({ source: 'console', side: 'inside', implies, title, detail: '', epoch });
    for (let i = 0; i < 5000; i++) say(null);
    say('panic');
    expect(recorder.incidents.length).toBe(501);
    expect(decide(recorder.incidents).outcome).toBe('panic');
    // A repeated incident is counted.
    for (let i = 0; i < 5000; i++) say('panic');
    expect(recorder.incidents.length).toBe(501);
    expect(recorder.dropped).toBe(9500);
    // Different details are kept up to a limit, and every other outcome still gets in, in every epoch.
    for (let i = 0; i < 5000; i++) say('panic', `x${i}`);
    expect(recorder.incidents.length).toBe(1000);
    for (const outcome of OUTCOMES) say(outcome);
    expect(recorder.incidents.length).toBe(1000 + OUTCOMES.length - 1);
    say('panic', 'y', 1);
    say('panic', 'z', 1);
    expect(recorder.incidents.at(-1)).toMatchObject({ title: 'y', epoch: 1 });
  });

  it('records how a task ends', async () => {
    const { recorder, events } = record();
    expect(await recorder.task('boot', () => Promise.resolve(5))).toBe(5);
    await expect(recorder.task('boot', () => Promise.reject(new Error('no\x1b')))).rejects.toThrow('no');
    expect(events).toMatchObject([
      { state: 'start', epoch: 0 },
      { state: 'done' },
      { state: 'start' },
      { state: 'failed', detail: 'Error: no\\x1b' },
    ]);
  });
});

describe('a result', () => {
  const spec: MemfdSpec = {
    kind: 'memfd',
    file: 'ram',
    size: 8192,
    seed: 1,
    holes: [],
    huge: false,
    seals: [],
    position: 0,
  };
  const pattern = new Pattern(spec);
  const look = { pages: 2, equal: 2, different: 0, differentRuns: [], first: null };
  const file: FileRecord = {
    kind: 'memfd',
    file: {
      name: 'ram',
      session: 'vm0',
      token: 5,
      spec,
      pattern,
      runs: [],
      before: null,
      hugeKiB: 0,
      errno: null,
      retrieved: {
        name: 'back',
        spec,
        pattern,
        preservedIn: [],
        runs: [],
        before: null,
        hugeKiB: 0,
        inside: {
          pages: 2,
          bad: 0,
          firstBad: null,
          size: 8192,
          position: 0,
          seals: ['grow'],
          blocks: 16,
          mode: 0o777,
          access: 'rw',
          object: null,
        },
      },
    },
    verdict: {
      ...NO_PAGES,
      pagesPreserved: 2,
      pagesIntact: 2,
      state: 'intact',
      overwritten: 0,
      readable: 0,
      look,
      problems: [],
      disagreement: null,
      map: [{ pfn: 256, count: 2, state: 'intact' }],
    },
  };
  const scenario = {
    ...parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 's.yaml'),
    name: 's',
    description: 'd',
    tags: ['t'],
  };
  const plan = fakePlan(scenario, { id: 'run-1', kernels: [image('a'), image('b'), image('c')] });
  const record = (more: Partial<RunRecord> = {}): RunRecord => ({
    verdict: decide([]),
    incidents: [],
    droppedIncidents: 0,
    kept: [],
    steps: [],
    cases: [],
    objected: [],
    hardware: [],
    findings: [],
    devices: [],
    iommu: null,
    guests: [],
    downtime: [],
    recovery: null,
    attempts: [],
    witnesses: {},
    taint: null,
    updates: [1, 2].map((epoch) => ({
      epoch,
      files: [file],
      counts: file.verdict,
      handedOver: 10,
      marked: { found: [], index: new KhopIndex([]), total: 2 },
      baseline: [{ pfn: 16, count: 1, what: 'KHO root tree' }],
      followed: null,
    })),
    epochs: [
      { release: 'a-running', bootId: 'x' },
      { release: null, bootId: 'y' },
    ],
    qemu: { version: '7.2', accel: 'tcg', commandLine: 'qemu', sandbox: null },
    durations: { total: 5 },
    loopDelay: { p99: 2, max: 30 },
    startedAt: new Date(0),
    ...more,
  });
  const around = {
    predicted: null,
    mismatches: [],
    timeline: [],
    labVersion: '0.1.0',
    snapshot: { none: 'asked to boot' },
  };
  const build = (more: Partial<RunRecord> = {}) => buildResult(plan, record(more), around);

  it('matches its schema', () => {
    const result = JSON.parse(JSON.stringify(build())) as unknown;
    expect(resultSchema.parse(result)).toEqual(result);
    expect(result).toMatchObject({ schema: RESULT_SCHEMA, snapshot: { none: 'asked to boot' } });
  });

  it('adds up all updates of a chain', () => {
    const result = build();
    expect(result.memory).toMatchObject({ pagesPreserved: 4, pagesIntact: 4, pagesLeaked: 0 });
    expect(result.memory.updates[1]).toEqual({
      epoch: 2,
      markedOnArrival: 10,
      markedAtEnd: 2,
      baseline: [{ what: 'KHO root tree', phys: '0x10000', pages: 1 }],
      map: [
        { phys: '0x10000', pages: 1, state: 'own' },
        { phys: '0x100000', pages: 2, state: 'intact' },
      ],
      mapLeftOut: 0,
    });
    expect(result.resources).toHaveLength(2);
    expect(result.resources[0]).toMatchObject({
      name: 'ram',
      session: 'vm0',
      token: 5,
      epoch: 1,
      state: 'intact',
      inside: { pages: 2, seals: ['grow'] },
      outside: { pages: 2, different: 0 },
    });
  });

  it('takes the release from the kernel itself, or from its image where it never booted', () => {
    const { kernels, from, to } = build();
    expect(kernels.map(({ release }) => release)).toEqual(['a-running', 'b-built', 'c-built']);
    expect([from.name, to.name]).toEqual(['a', 'c']);
  });

  it.each<[string, Partial<RunRecord>, boolean]>([
    ['as it should be', {}, true],
    ['another outcome', { verdict: decide([incident('leak')]) }, false],
    ['a step that was not as demanded', { steps: [{ unexpected: true } as RunRecord['steps'][number]] }, false],
    ['steps as demanded', { steps: [{ unexpected: false } as RunRecord['steps'][number]] }, true],
  ])('%s', (_, more, asExpected) => expect(build(more).asExpected).toBe(asExpected));

  it('lists the files of an update that was called off under the old kernel', () => {
    expect(
      build({ updates: [], epochs: [{ release: 'a', bootId: 'x' }], kept: [{ epoch: 0, file }] }).resources,
    ).toMatchObject([{ epoch: 0, state: 'intact' }]);
  });
});
