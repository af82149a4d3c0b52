// SPDX-License-Identifier: Apache-2.0
// What is bisected over: shipped definitions, a small git tree.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readDefinition } from '../../src/images/index.js';
import { overChanges, overCommits, overKernels, overOptions } from '../../src/repro/bisect/axis.js';
import { temporaryFolder } from '../util/temporary.js';

const signal = new AbortController().signal;

describe('over kernels', () => {
  const order = ['a', 'b', 'c', 'd'];
  it('in both directions', () => {
    expect(overKernels(order, 'b', 'd').points).toEqual(['b', 'c', 'd']);
    expect(overKernels(order, 'c', 'a').points).toEqual(['c', 'b', 'a']);
  });
  it('of known names only', () => expect(() => overKernels(order, 'x', 'a')).toThrow('x is not one of'));
});

describe('over the options and changes of shipped kernels', () => {
  it('options: each point has one more', () => {
    const axis = overOptions('7.3.4', '7.3.4-no-memfd', temporaryFolder());
    expect(axis.points.slice(1)).toEqual(['CONFIG_LIVEUPDATE_MEMFD=n']);
    expect(axis.kernel(0)).toBe('7.3.4');
    expect(axis.kernel(1)).toBe('7.3.4-no-memfd');
  });
  it('options: what goes away does so from behind, and a point between is the good end with a fragment', () => {
    const axis = overOptions('7.3.4', '7.3.4-no-luo', temporaryFolder());
    expect(axis.points).toEqual(['7.3.4', 'CONFIG_LIVEUPDATE_MEMFD=n', 'CONFIG_LIVEUPDATE=n']);
    const { config, patches } = readDefinition(axis.kernel(1));
    expect(readFileSync(config.at(-1) as string, 'utf8')).toBe('CONFIG_LIVEUPDATE_MEMFD=n\n');
    expect(patches).toEqual(readDefinition(join(import.meta.dirname, '../../images/kernels/7.3.4.yaml')).patches);
  });
  it('options need one source and the same patches', () =>
    expect(() => overOptions('7.2.12', '7.3.4', temporaryFolder())).toThrow('more than their configuration'));
  it('changes: the last point is the variant', () => {
    const axis = overChanges('7.3.4-object', '7.3.4-keep', temporaryFolder());
    const variant = readDefinition(join(import.meta.dirname, '../../images/kernels/7.3.4-keep.yaml'));
    const last = readDefinition(axis.kernel(axis.points.length - 1));
    expect([last.overlay, last.patches, last.config]).toEqual([variant.overlay, variant.patches, variant.config]);
    expect(axis.points.length).toBeGreaterThan(2);
  });
  it('changes need a good end that the bad one is made of', () =>
    expect(() => overChanges('7.3.4-object', '7.3.4-no-memfd', temporaryFolder())).toThrow(
      '7.3.4-object has parts that 7.3.4-no-memfd lacks: overlay object',
    ));
  it('changes need one source', () =>
    expect(() => overChanges('7.2.12', '7.3.4', temporaryFolder())).toThrow('different sources'));
});

describe('over commits', () => {
  const tree = mkdtempSync(join(tmpdir(), 'lab-test-'));
  afterAll(() => rmSync(tree, { recursive: true, force: true }));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', tree, '-c', 'user.name=lab', '-c', 'user.email=lab@localhost', ...args], {
      encoding: 'utf8',
    }).trim();
  git('init', '-q');
  for (const [n, file] of ['a', 'b', 'a', 'c'].entries()) {
    writeFileSync(join(tree, file), String(n));
    git('add', '.');
    git('commit', '-qm', `change ${n}`);
  }
  const over = (good: string, bad: string, paths: string[] = []) =>
    overCommits({ tree, good, bad, base: '7.3.4', paths, folder: join(temporaryFolder(), 'd'), signal });

  it('in order, each a definition with its commit', async () => {
    const axis = await over('HEAD~3', 'HEAD');
    expect(axis.points.map((point) => point.slice(13))).toEqual(['(good)', 'change 1', 'change 2', 'change 3']);
    expect(readDefinition(axis.kernel(2)).sources).toEqual([
      { kind: 'git', path: tree, ref: git('rev-parse', 'HEAD~1') },
    ]);
  });
  it('only those that touch a path, and the bad end in any case', async () => {
    expect((await over('HEAD~3', 'HEAD', ['a'])).points.map((point) => point.slice(13))).toEqual([
      '(good)',
      'change 2',
      '(bad)',
    ]);
  });
  it('refuses what is no range', async () => {
    await expect(over('HEAD', 'HEAD~2')).rejects.toThrow('not an ancestor');
    await expect(over('nowhere', 'HEAD')).rejects.toThrow('no commit nowhere');
    await expect(over('--output=x', 'HEAD')).rejects.toThrow('no commit');
  });
});
