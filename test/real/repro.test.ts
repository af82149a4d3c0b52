// SPDX-License-Identifier: Apache-2.0
// Failed updates of the shipped scenarios made again, looked into, explained and taken along.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agreement } from '../../src/console/index.js';
import type { Explanation } from '../../src/model/result/explanation.js';
import type { HandoverDump } from '../../src/model/result/handover-dump.js';
import type { Result } from '../../src/model/result/result.js';
import { IMAGE_NAME } from '../../src/store/run/memory-image.js';
import { LAB, lab, ROOT, temporary } from './lab.js';

const dir = temporary();
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Again {
  same: boolean;
  runs: { id: string; folder: string; same: boolean; failure: { outcome: string; title: string | null }; ms: number }[];
  rate: { seen: number; runs: number };
  differences: { what: string; before: string; after: string }[];
  notes: string[];
  agreements?: Agreement[];
}

/** Results of its own for each story. */
function story(name: string) {
  const results = join(dir, name);
  mkdirSync(results);
  // Other labs of this host have temporary folders, too.
  const temporaries = join(dir, `${name}-tmp`);
  mkdirSync(temporaries);
  const at = (...args: string[]) => lab([...args, '--results', results], { TMPDIR: temporaries });
  return {
    results,
    temporaries,
    run: async (...args: string[]): Promise<Result> => {
      const exit = await at('run', ...args, '--json');
      if (exit.stdout === '') throw new Error(exit.stderr);
      return JSON.parse(exit.stdout) as Result;
    },
    text: at,
    json: async <T>(...args: string[]): Promise<T> => {
      const exit = await at(...args, '--json');
      if (exit.stdout === '') throw new Error(exit.stderr);
      return JSON.parse(exit.stdout) as T;
    },
    images: (run: string) =>
      readdirSync(join(results, run))
        .filter((name_) => IMAGE_NAME.test(name_))
        .sort(),
  };
}

describe('a panic, from red cell to culprit', () => {
  const { run, text, json, images, results, temporaries } = story('panic');
  let panic: Result;
  beforeAll(async () => {
    panic = await run(join(ROOT, 'scenarios/panic.yaml'), '--memory-image', 'always');
  });

  it('is the same failure again, on the same kernels', async () => {
    const again = await json<Again>('repro', panic.id, '--times', '2');
    expect(again).toMatchObject({ same: true, rate: { seen: 2, runs: 2 } });
    expect(again.runs[0]?.failure).toEqual({
      outcome: 'panic',
      title: 'Kernel panic: LUO: The incoming tree failed to initialize properly [-EINVAL]',
    });
    expect(again.differences.filter(({ what }) => /outcome|cause|build|kernel/.test(what))).toEqual([]);
  });

  it('has kept what was handed over, with the version that was damaged', async () => {
    expect(images(panic.id)).toEqual(['memory-end-1.gz', 'memory-jump-0.gz']);
    const [dump] = await json<HandoverDump[]>('dump', panic.id);
    expect(dump).toMatchObject({
      layouts: { kernel: '7.2.12', named: true },
      problems: [],
      luo: { version: 'luo-v9' },
      sessions: [{ name: 'vm0', files: [{ token: '1', compatible: 'memfd-v2', memfd: { size: String(16 << 20) } }] }],
    });
    expect(dump?.sessions[0]?.files[0]?.memfd?.folios.reduce((pages, each) => pages + each.pages, 0)).toBe(4096);
    expect((await text('dump', panic.id, '--moment', 'end')).stdout).toContain('luo-v9');
  });

  it('is explained: function, structure, field', async () => {
    const why = await json<Explanation>('show', panic.id, '--explain');
    expect(why.check).toMatchObject({
      function: 'luo_early_startup',
      source: { file: 'kernel/liveupdate/luo_core.c' },
    });
    expect(why.structure?.dump.rows.find(({ here }) => here)).toMatchObject({
      field: 'compatible',
      value: "'luo-v9'",
      type: 'char[8]',
    });
    expect(why.trace.frames.map((frame) => frame.function)).toContain('liveupdate_early_init');
  });

  it('prints the same lines in the same order, if that is asked for', async () => {
    const { runs, agreements } = await json<Again>('repro', panic.id, '--same', '--times', '3');
    expect(runs.map(({ same }) => same)).toEqual([true, true, true]);
    expect(agreements).toHaveLength(2);
    for (const { lines, equal, first } of agreements ?? []) {
      expect(first).toBeNull();
      expect(lines[0]).toBeGreaterThan(300);
      expect(equal).toBeGreaterThan(lines[0] - 10);
    }
  });

  it('is taken along as one file, and is the same failure from there', async () => {
    const bundle = join(results, 'x.lab.tar.gz');
    expect((await text('bundle', panic.id, '--kernels', '--output', bundle)).code).toBe(0);
    const again = await json<Again>('repro', bundle);
    expect(again.same).toBe(true);
    // The other commands take it as well.
    expect(await json<HandoverDump[]>('dump', bundle)).toMatchObject([
      { layouts: { kernel: '7.2.12' }, luo: { version: 'luo-v9' } },
    ]);
    expect((await text('show', bundle, '--explain')).stdout).toContain('luo_early_startup() refused');
    const held = await text('shell', bundle, '--stop-at', 'before-kexec', '--command', 'uname -r');
    expect(held).toMatchObject({ code: 0, stdout: '7.2.12-lab\n', stderr: expect.stringContaining('PANIC') });
    expect(readdirSync(temporaries)).toEqual([]);
  });
});

describe('a handover that is lost', () => {
  const { run, json, text, images } = story('lost');
  let lost: Result;
  beforeAll(async () => {
    lost = await run(join(ROOT, 'scenarios/first-update.yaml'), '--from', '7.1.13', '--to', '7.2.12');
  });

  it("was not expected, so the machine's memory is kept, and tells what 7.1 wrote", async () => {
    expect(lost.asExpected).toBe(false);
    expect(images(lost.id)).toEqual(['memory-end-1.gz']);
    const why = await json<Explanation>('show', lost.id, '--explain');
    expect(why.check).toMatchObject({ function: 'kho_populate' });
  });

  it('with another kernel is not the same, and what differs stands side by side', async () => {
    const exit = await text('repro', lost.id, '--to', '7.1.13', '--memory-image', 'always');
    expect(exit.code).toBe(1);
    expect(exit.stdout).toMatch(/^NOT THE SAME {2}lost/);
    expect(exit.stdout).toMatch(/outcome +lost +preserved/);
    const [, again = ''] = /now {3}\S*\/([^/\s]+) /.exec(exit.stdout) ?? [];
    const [dump] = await json<HandoverDump[]>('dump', again);
    expect(dump).toMatchObject({
      kho: { version: 'kho-v3' },
      luo: { version: 'luo-v1' },
      layouts: { kernel: '7.1.13', named: true },
      problems: [],
      sessions: [{ name: 'vm0', files: [{ compatible: 'memfd-v2' }] }],
    });
  });
});

it.each([
  ['2,000 sessions and 2,000 files', '7.3.4', 'many-sessions'],
  ['one file in the oldest format', '6.19.11', 'first-update'],
])('%s under %s are dumped, and are what was preserved', { timeout: 300_000 }, async (_, kernel, scenario) => {
  const { run, json } = story(`many-${kernel}`);
  const many = await run(
    join(ROOT, `scenarios/${scenario}.yaml`),
    '--from',
    kernel,
    '--to',
    kernel,
    '--memory-image',
    'always',
  );
  const [dump] = await json<HandoverDump[]>('dump', many.id);
  expect(dump?.problems).toEqual([]);
  const files = dump?.sessions.flatMap(({ name, files: of }) =>
    of.map(({ token, memfd, problem }) => ({
      session: name,
      token: Number(token),
      size: Number(memfd?.size),
      problem,
      pages: memfd?.folios.reduce((sum, { pages }) => sum + pages, 0),
    })),
  );
  const order = (
    a: { session: string | null; token: number | string | null },
    b: { session: string | null; token: number | string | null },
  ) => String(a.session).localeCompare(String(b.session)) || Number(a.token) - Number(b.token);
  expect(files?.toSorted(order)).toEqual(
    many.resources
      .map(({ session, token, size, pages }) => ({ session, token, size, problem: null, pages }))
      .toSorted(order),
  );
  expect(
    dump?.sessions
      .flatMap(({ files: of }) => of.flatMap(({ memfd }) => memfd?.folios ?? []))
      .every(({ preserved }) => preserved === true),
  ).toBe(true);
});

it('a machine that runs is dumped from outside, and goes on', { timeout: 120_000 }, async () => {
  const { results } = story('live');
  let over = false;
  const run = lab(['run', join(ROOT, 'scenarios/first-update.yaml'), '--results', results, '--json']).finally(() => {
    over = true;
  });
  let seen: HandoverDump[] = [];
  while (!over && seen.length === 0) {
    const [partial] = readdirSync(results);
    const exit =
      partial === undefined ? null : await lab(['dump', '--live', partial.replace('.partial-', ''), '--json']);
    // Until the kernel is up there is none.
    if (exit?.code === 0) seen = JSON.parse(exit.stdout) as HandoverDump[];
    else await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(seen[0]).toMatchObject({ kho: { version: 'kho-v4' }, layouts: { kernel: '7.2.12' } });
  expect((await run).code).toBe(0);
});

it('interrupted in the middle leaves nothing', { timeout: 120_000 }, async () => {
  const { run, results } = story('interrupted');
  const { id } = await run(join(ROOT, 'scenarios/panic.yaml'));
  const code = await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [LAB, 'repro', id, '--times', '50', '--results', results, '--memory-image', 'always'],
      { cwd: ROOT },
      () => resolve(child.exitCode),
    );
    // The first of the runs is done, the second under way.
    child.stderr?.on('data', (text: string) => {
      if (/1 of 50\): done/.test(text)) child.kill('SIGINT');
    });
  });
  expect(code).toBe(130);
  expect(readdirSync(results).filter((name) => name.startsWith('.'))).toEqual([]);
});
