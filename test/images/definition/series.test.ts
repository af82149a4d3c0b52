// SPDX-License-Identifier: Apache-2.0
// The definitions that stand for a base, for each beginning of a series, and for the whole of it.
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { coreOf } from '../../../src/images/definition/core.js';
import { readDefinition } from '../../../src/images/definition/definition.js';
import { resolveKernel } from '../../../src/images/definition/resolve.js';
import { defineSeries, type SeriesParts } from '../../../src/images/definition/series.js';
import { UsageError } from '../../../src/util/errors.js';
import { folderWith, workspace } from '../folder.js';

const PATCHES = ['--- a/a.c\n+++ b/a.c\nfirst \xe9', '--- a/b.c\n+++ b/b.c\nsecond'];
const PARTS: SeriesParts = { base: '7.3.4', name: 'mine', patches: PATCHES, commits: null, extent: 'full' };

const work = () => {
  const own = workspace();
  return { ...own, cacheDir: own.cache.dir };
};

function own(base: string) {
  const resolved = resolveKernel(base);
  if (resolved.kind !== 'definition') throw new Error(`${base} has no definition`);
  return resolved.definition;
}

it('are the base, then one for each number of patches, with the patches as they came', () => {
  const { kernels, patches } = defineSeries(PARTS, work());
  expect(kernels.map((path) => basename(path))).toEqual(['7.3.4.yaml', '7.3.4-mine-1of2.yaml', '7.3.4-mine.yaml']);
  expect(patches.map((path) => readFileSync(path, 'latin1'))).toEqual(PATCHES);
  const read = kernels.map((path) => readDefinition(path));
  const { sources, config, overlay, patches: before } = own('7.3.4');
  for (const [count, definition] of read.entries()) {
    expect(definition).toMatchObject({ sources, config, overlay, onDemand: true });
    expect(definition.patches).toEqual([...before, ...patches.slice(0, count)]);
  }
});

it('have the options of the small kernel where that is enough, and the base has one', () => {
  const small = defineSeries({ ...PARTS, extent: 'core' }, work());
  const core = coreOf(own('7.3.4'));
  expect(small.kernels.map((path) => readDefinition(path).config)).toEqual([core?.config, core?.config, core?.config]);
  const none = defineSeries({ ...PARTS, base: '7.3.4-systemd', extent: 'core' }, work());
  const { config } = own('7.3.4-systemd');
  expect(none.kernels.map((path) => readDefinition(path).config)).toEqual([config, config, config]);
});

it('of commits take each commit as the source, and no patch', () => {
  const tree = folderWith({ Makefile: '' });
  const commits = { tree, base: 'a'.repeat(40), ids: ['b'.repeat(40), 'c'.repeat(40)] };
  const { kernels } = defineSeries({ ...PARTS, commits }, work());
  const read = kernels.map((path) => readDefinition(path));
  expect(read.map(({ sources }) => sources)).toMatchObject(
    [commits.base, ...commits.ids].map((ref) => [{ kind: 'git', path: tree, ref }]),
  );
  expect(read.map(({ patches }) => patches)).toEqual([[], [], []]);
  expect(basename(kernels[0] ?? '')).toBe(`${'a'.repeat(12)}.yaml`);
});

it('lie where their content says, so that the same series finds what was built', () => {
  const context = work();
  const first = defineSeries(PARTS, context);
  const written = statSync(first.kernels[2] ?? '').mtimeMs;
  expect(defineSeries(PARTS, context)).toEqual(first);
  expect(statSync(first.kernels[2] ?? '').mtimeMs).toBe(written);
  const others: Partial<SeriesParts>[] = [
    { patches: [...PATCHES].reverse() },
    { base: '7.2.12' },
    { extent: 'core' },
    { patches: PATCHES.slice(0, 1) },
  ];
  const folders = [first, ...others.map((part) => defineSeries({ ...PARTS, ...part }, context))].map((it) => it.folder);
  expect(new Set(folders).size).toBe(folders.length);
});

it('need a source: a ready-made kernel has none', () => {
  const dir = folderWith({ bzImage: 'x', 'k.yaml': 'prebuilt: {bzImage: bzImage}\n' });
  expect(() => defineSeries({ ...PARTS, base: `${dir}/k.yaml` }, work())).toThrow(UsageError);
});
