// SPDX-License-Identifier: Apache-2.0
// What a command is given: a run, a bundle or a scenario; the same way in and the same refusals for all commands.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ReproTarget, withTarget } from '../../../src/cli/run/target.js';
import { withRun } from '../../../src/cli/run/open-run.js';
import type { KernelImage } from '../../../src/model/kernel/image.js';
import type { Result } from '../../../src/model/result/result.js';
import { packBundle } from '../../../src/repro/bundle/pack.js';
import { image } from '../../fakes/run.js';
import { resultOf } from '../../report/result.js';
import { temporaryFolder } from '../../util/temporary.js';

const SCENARIO =
  'from: 7.2.12\nto: 7.3.4\nsessions: [{name: vm0, files: [{name: ram, memfd: 4KiB}]}]\nexpect: preserved\n';

/** A results folder with one run, and that run's bundle. */
async function results(
  change: (result: Result) => Partial<Result> = () => ({}),
  scenario = SCENARIO,
  images: readonly KernelImage[] = [],
): Promise<{ results: string; id: string; bundle: string }> {
  const folder = temporaryFolder();
  const result = resultOf('panic');
  const run = join(folder, result.id);
  mkdirSync(run);
  writeFileSync(join(run, 'result.json'), JSON.stringify({ ...result, ...change(result) }));
  writeFileSync(join(run, 'scenario.yaml'), scenario);
  const bundle = join(folder, 'x.lab.tar.gz');
  await packBundle(run, images, {
    output: bundle,
    labVersion: '0',
    memory: false,
    kernels: images.length > 0,
    symbols: false,
    signal: new AbortController().signal,
  });
  return { results: folder, id: result.id, bundle };
}

const named =
  (name: string) =>
  ({ kernels }: Result): Partial<Result> => ({ kernels: kernels.map((kernel) => ({ ...kernel, name })) });
const options = (results: string) => ({ results, accel: 'auto' as const });

describe('a bundle', () => {
  it('is a run like that which was packed, and is gone afterwards, whatever happens', async () => {
    const { results: folder, id, bundle } = await results();
    const folders: string[] = [];
    for (const word of [id, bundle]) {
      await withRun(word, { results: folder }, (run) => {
        expect(run).toMatchObject({ name: word, result: { id } });
        folders.push(run.folder);
      });
    }
    await expect(
      withRun(bundle, { results: folder }, (run) => {
        folders.push(run.folder);
        throw new Error('stopped');
      }),
    ).rejects.toThrow('stopped');
    expect(folders.map((each) => existsSync(each))).toEqual([true, false, false]);
  });

  it('gives a scenario as its run does', async () => {
    const { results: folder, id, bundle } = await results();
    const seen: ReproTarget[] = [];
    for (const word of [id, bundle]) await withTarget(word, options(folder), async (given) => void seen.push(given));
    const [run, same] = seen;
    const said = (given: ReproTarget | undefined) => [
      given?.scenario.name,
      given?.scenario.kernels,
      given?.scenario.steps.map(({ op }) => op),
      given?.text,
    ];
    expect(said(same)).toEqual(said(run));
    expect(same?.run).toEqual(run?.run);
  });

  it('has no kernel looked up by a name that may be a folder here, unless it is trusted', async () => {
    const { results: folder, bundle } = await results(named('downloads'));
    expect(
      await withRun(bundle, { results: folder }, ({ mayResolveKernel }) =>
        ['downloads', '/tmp/x.yaml', '7.3.4'].map(mayResolveKernel),
      ),
    ).toEqual([false, false, true]);
    expect(
      await withRun(bundle, { results: folder, trust: true }, ({ mayResolveKernel }) => mayResolveKernel('downloads')),
    ).toBe(true);
  });

  it('with its kernels needs no path of this host, and none of them is taken for one of this lab', async () => {
    const sha256 = createHash('sha256')
      .update(readFileSync(image('a').bzImage))
      .digest('hex');
    const { results: folder, bundle } = await results(
      ({ kernels }) => ({ kernels: kernels.map((kernel) => ({ ...kernel, name: '/root/7.3.4.yaml', sha256 })) }),
      SCENARIO,
      [{ ...image('/root/7.3.4.yaml'), sha256 }],
    );
    const name = `7.3.4-${sha256.slice(0, 12)}`;
    await withTarget(bundle, options(folder), async ({ scenario, run, mayResolveKernel, kernelProblem }) => {
      expect(scenario.kernels).toEqual([name, name]);
      expect(run?.kernels.map((kernel) => [kernel.name, kernel.files !== null])).toEqual(Array(2).fill([name, true]));
      expect([mayResolveKernel(name), kernelProblem(name)]).toEqual([false, null]);
    });
  });

  it.each<[string, (result: Result) => Partial<Result>, string]>([
    ['QEMU options', () => ({}), `${SCENARIO}machine: {qemuArgs: [-drive, "file=/etc/shadow"]}\n`],
    ['a kernel at a path', named('/root/x.yaml'), SCENARIO],
  ])('with %s is refused by every command that takes one', async (_, change, scenario) => {
    const { results: folder, bundle } = await results(change, scenario);
    await expect(withRun(bundle, { results: folder }, () => undefined)).rejects.toThrow('this is not trusted');
    await expect(withTarget(bundle, options(folder), async () => undefined)).rejects.toThrow('this is not trusted');
  });
});

it('a scenario is one by its name or by its content; anything else that is a file must be a bundle', async () => {
  const folder = temporaryFolder();
  const scenario = join(folder, 'scenario.txt');
  writeFileSync(scenario, SCENARIO);
  expect(await withTarget(scenario, options(folder), async ({ run, text }) => [run, text])).toEqual([null, SCENARIO]);
  await expect(withRun(scenario, { results: folder }, () => undefined)).rejects.toThrow('not a usable bundle');
  const cut = join(folder, 'cut');
  writeFileSync(cut, Buffer.from('1f8b08', 'hex'));
  await expect(withTarget(cut, options(folder), async () => undefined)).rejects.toThrow('not a usable bundle');
});

it("the lab's own failure says nothing of a kernel", async () => {
  const { results: folder, id, bundle } = await results(() => ({ outcome: 'infra' }));
  for (const word of [id, bundle])
    await expect(withTarget(word, options(folder), async () => undefined)).rejects.toThrow('ended in infra');
});
