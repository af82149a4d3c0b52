// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { definedKernels } from '../../src/images/index.js';
import { cellId, cellsOf, expandPlan } from '../../src/matrix/expand.js';
import { planSha256 } from '../../src/matrix/plan-run.js';
import { labPath, selectScenarios } from '../../src/matrix/select.js';
import { parsePlan } from '../../src/scenario/index.js';
import { packageRoot } from '../../src/util/package-root.js';
import { temporaryFolder } from '../util/temporary.js';

const PLANS = join(packageRoot(), 'scenarios/matrix');
const anyKernel = () => null;

async function expand(plan: string, files: Record<string, string>) {
  const dir = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, name, '..'), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  const parsed = parsePlan(plan, join(dir, 'plan.yaml'), {
    all: ['1', '2', '3'],
    releases: ['1', '2', '3'],
    problem: anyKernel,
  });
  const selected = await selectScenarios(parsed, anyKernel, { trust: true });
  const { pairs, leftOut } = expandPlan(parsed, selected, anyKernel);
  return {
    pairs: pairs.map(
      ({ path, scenario, own, repeats }) =>
        `${path.slice(dir.length + 1)} ${scenario.kernels.join('>')}${own ? ' own' : ''}` +
        `${repeats > 1 ? ` x${repeats}` : ''}`,
    ),
    leftOut,
    sha256: planSha256(parsed, null, pairs),
  };
}

const SHORT = 'from: "1"\nto: "2"\ntags: [a, b]\nsessions: [{name: s, files: [{name: f, memfd: 1MiB}]}]\n';
const STEPS = 'from: "1"\nto: "2"\ntags: [a]\nsteps: [{create: s}, load, kexec]\nexpect: preserved\n';

describe("a plan's cells", () => {
  it('are pairs of other kernels where an entry names its own, in the directions of the plan', async () => {
    const plan = (pairs: string) =>
      `kernels: ["1"]\npairs: ${pairs}\nscenarios: [{file: x.yaml}, {file: y.yaml, kernels: ["3", "2"]}]\n`;
    expect(await expand(plan('[same, forward]'), { 'x.yaml': SHORT, 'y.yaml': SHORT })).toMatchObject({
      pairs: ['x.yaml 1>1', 'y.yaml 2>2', 'y.yaml 2>3', 'y.yaml 3>3'],
      leftOut: [],
    });
  });

  it('are every scenario on every pair and chain', async () => {
    expect(
      await expand(
        'kernels: ["1", "2"]\npairs: [forward, rollback]\nchains: [["1", "2", "3"]]\nscenarios: [{folder: s}]\n',
        { 's/x.yaml': SHORT, 's/deep/y.yaml': SHORT },
      ),
    ).toMatchObject({
      pairs: [
        's/deep/y.yaml 1>2 own',
        's/deep/y.yaml 2>1',
        's/deep/y.yaml 1>2>3',
        's/x.yaml 1>2 own',
        's/x.yaml 2>1',
        's/x.yaml 1>2>3',
      ],
      leftOut: [],
    });
  });

  it("leave out chains that a scenario's steps were not written for, and say so", async () => {
    expect(
      await expand('kernels: ["1", "2"]\npairs: forward\nchains: [["1", "2", "3"]]\nscenarios: [{file: x.yaml}]\n', {
        'x.yaml': STEPS,
      }),
    ).toMatchObject({
      pairs: ['x.yaml 1>2 own'],
      leftOut: [{ why: 'its steps are for 2 kernels, not for 3', count: 1 }],
    });
  });

  it('are chosen by tag, excluded by pattern, and there once however often they are chosen', async () => {
    const files = {
      'x.yaml': SHORT,
      'p/y.yaml': SHORT.replace('b]', 'c]'),
      'p/z.yaml': STEPS,
      'profiles/no.yaml': 'not: a scenario',
    };
    expect(
      (
        await expand(
          'kernels: ["1", "2"]\n' +
            'scenarios: [{folder: ., tags: [a, b]}, {folder: ., kernels: own, tags: [b], repeats: 3}]\n',
          files,
        )
      ).pairs,
    ).toEqual(['x.yaml 1>1', 'x.yaml 1>2 own x3', 'x.yaml 2>1', 'x.yaml 2>2']);
    expect(
      await expand(
        'kernels: ["1", "2"]\nexclude: [{scenario: "p/*"}, {from: "2", to: "1"}]\n' +
          'scenarios: [{folder: ., without: [c]}]\n',
        files,
      ),
    ).toMatchObject({
      pairs: ['x.yaml 1>1', 'x.yaml 1>2 own', 'x.yaml 2>2'],
      leftOut: [{ why: 'excluded by the plan', count: 5 }],
    });
  });

  it('must be some', async () => {
    await expect(
      expand('kernels: ["1", "2"]\nscenarios: [{folder: ., tags: [none]}]\n', { 'x.yaml': SHORT }),
    ).rejects.toThrow(/this selects no scenario; tags there: a, b/);
    await expect(
      expand('kernels: ["1", "2"]\nexclude: [{from: "*"}]\nscenarios: [{file: x.yaml}]\n', { 'x.yaml': SHORT }),
    ).rejects.toThrow(/the plan has no cell/);
    await expect(
      expand('kernels: ["1", "2"]\nscenarios: [{file: x.yaml, repeats: 1000}]\n', { 'x.yaml': 'from: "1"\n' }),
    ).rejects.toThrow(/missing key "to"/);
  });

  it('are another matrix once a scenario has changed', async () => {
    const plan = 'kernels: ["1", "2"]\npairs: forward\nscenarios: [{file: /x.yaml}]\n';
    const sha = async (text: string) => (await expand(plan.replace('/x', 'x'), { 'x.yaml': text })).sha256;
    expect(await sha(SHORT)).not.toBe(await sha(SHORT.replace('1MiB', '2MiB')));
  });

  const shipped = readdirSync(PLANS).filter((name) => !name.includes('baseline'));
  const releases = ['6.19.11', '7.1.13', '7.2.12', '7.3.4'];
  it.each(shipped)('of the shipped %s are there', async (name) => {
    const file = join(PLANS, name);
    const plan = parsePlan(readFileSync(file, 'utf8'), file, { all: definedKernels(), releases, problem: anyKernel });
    const selected = await selectScenarios(plan, anyKernel, { trust: true });
    expect(expandPlan(plan, selected, anyKernel).pairs.length).toBeGreaterThan(4);
  });

  it('have names that are the same everywhere, and differ', () => {
    expect(cellId('scenarios/pair.yaml', ['7.2.12', '7.3.4'], 1)).toBe('pair-7.2.12-7.3.4-1-6340edbc');
    const ids = [
      ['a/x.yaml', ['1', '2'], 1],
      ['b/x.yaml', ['1', '2'], 1],
      ['a/x.yaml', ['1-2'], 1],
      ['a/x.yaml', ['1', '2'], 2],
    ] as const;
    expect(new Set(ids.map(([path, kernels, repeat]) => cellId(path, kernels, repeat))).size).toBe(4);
    expect(cellId('/x/ä b:c.yaml', ['../k/7', 'y'.repeat(300)], 1)).toMatch(/^[A-Za-z0-9._-]{1,180}$/);
    expect(labPath(join(packageRoot(), 'scenarios/pair.yaml'))).toBe('scenarios/pair.yaml');
  });

  it('of one pair differ in their repeat alone', async () => {
    const cells = cellsOf(
      { path: 'x.yaml', own: true, repeats: 2, scenario: { kernels: ['1', '2'], tags: ['t'] } as never },
      { outcome: 'lost', endsIn: null, source: 'baseline' },
    );
    expect(cells).toMatchObject([{ repeat: 1, expected: { outcome: 'lost' } }, { repeat: 2 }]);
    expect(cells[0]?.id).not.toBe(cells[1]?.id);
  });
});
