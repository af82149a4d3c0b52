// SPDX-License-Identifier: Apache-2.0
// Kernels from refs of a git tree: a definition each, which stays with its commit.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { knownDefinitions, readDefinition, treesFolder } from '../../../src/images/definition/definition.js';
import { kernelsOfTree } from '../../../src/images/index.js';
import { isForeign } from '../../../src/images/source/confine.js';
import { loadPlan } from '../../../src/scenario/index.js';
import { temporaryFolder } from '../folder.js';

let tree = '';
let cache = '';
const git = (...argv: string[]) =>
  execFileSync('git', ['-C', tree, '-c', 'user.name=a', '-c', 'user.email=a@b', ...argv], { encoding: 'utf8' }).trim();

function commit(makefile: string, subject: string): string {
  writeFileSync(join(tree, 'Makefile'), makefile);
  git('add', 'Makefile');
  git('commit', '-q', '-m', subject);
  return git('rev-parse', 'HEAD');
}

beforeEach(() => {
  tree = temporaryFolder();
  cache = temporaryFolder();
  vi.stubEnv('LAB_CACHE', cache);
  git('init', '-q', '-b', 'next');
});
afterEach(() => vi.unstubAllEnvs());

const context = { signal: new AbortController().signal, onProgress: () => undefined };
const kernels = (refs: string[], more: { name?: string; base?: string } = {}) =>
  kernelsOfTree({ git: tree, refs, name: more.name ?? 'linux', base: more.base ?? null }, context);
const definition = (name: string) => readDefinition(knownDefinitions().get(name) ?? '');

describe('kernels of a git tree', () => {
  it('have the commit of the ref, and the configuration of the nearest version', async () => {
    const old = commit('VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 12\nEXTRAVERSION =\n', 'old');
    git('tag', 'v7.2.12');
    const newest = commit('VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\n', 'new: "quoted"');
    expect(await kernels(['v7.2.12', 'next'])).toEqual(['linux@v7.2.12', 'linux@next']);
    const [first, second] = [definition('linux@v7.2.12'), definition('linux@next')];
    expect(first.sources).toEqual([{ kind: 'git', path: tree, ref: old }]);
    expect(second.sources).toEqual([{ kind: 'git', path: tree, ref: newest }]);
    expect(second.description).toContain('new: "quoted"');
    const fragments = ({ config }: typeof first) => config.map((path) => path.replace(/.*\/|\.config$/g, ''));
    expect(fragments(first)).not.toContain('since-7.3');
    expect(fragments(second)).toContain('since-7.3');
    // It is the user's own kernel, as those of $LAB_IMAGES are.
    expect(isForeign(second)).toBe(false);
  });

  it('follow a branch from night to night, and a branch whose name has a slash', async () => {
    commit('VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n', 'one');
    git('branch', 'luo/next');
    expect(await kernels(['luo/next', 'next'])).toEqual(['linux@luo-next', 'linux@next']);
    const moved = commit('VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 5\n', 'two');
    await kernels(['next']);
    expect(definition('linux@next').sources).toMatchObject([{ ref: moved }]);
  });

  it.each([
    ['no such ref', ['v9'], {}, /no v9 in/],
    ['an unknown base', ['next'], { base: '7.9' }, /no kernel "7.9"/],
    ['a name that is taken', ['next'], { name: '7.3.4' }, null],
  ])('%s', async (_, refs, more, message) => {
    commit('VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n', 'one');
    if (message === null) expect(await kernels(refs, more)).toEqual(['7.3.4@next']);
    else await expect(kernels(refs, more)).rejects.toThrow(message);
  });

  it('do not come from another kind of tree', async () => {
    commit('all:\n', 'a program');
    await expect(kernels(['next'])).rejects.toThrow('its Makefile names no version');
  });

  it('keep their name: another tree must have another', async () => {
    commit('VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n', 'one');
    await kernels(['next']);
    const file = join(treesFolder(cache), 'linux@next.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(tree, '/elsewhere'));
    await expect(kernels(['next'])).rejects.toThrow('the kernel linux@next is already defined by');
    expect(await kernels(['next'], { name: 'mine' })).toEqual(['mine@next']);
  });
});

describe('a plan with a git tree', () => {
  const ofTree = (spec: Parameters<typeof kernelsOfTree>[0]) => kernelsOfTree(spec, context);
  const known = { all: ['7.3.4'], releases: ['7.3.4'], problem: () => null, ofTree };
  const planFile = () => {
    const file = join(tree, 'plan.yaml');
    writeFileSync(join(tree, 'a.yaml'), 'from: a\nto: b\n');
    writeFileSync(
      file,
      'kernels: [7.3.4, {git: ., name: linux, refs: [next, v7.3]}]\npairs: forward\nscenarios: [{file: a.yaml}]\n',
    );
    return file;
  };

  it('has its kernels behind all others, in the order of the refs', async () => {
    commit('VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n', 'one');
    git('tag', 'v7.3');
    const plan = await loadPlan(planFile(), known);
    expect(plan.kernels).toEqual(['7.3.4', 'linux@next', 'linux@v7.3']);
    expect(plan.chains.map((chain) => chain.join(' '))).toEqual([
      '7.3.4 linux@next',
      '7.3.4 linux@v7.3',
      'linux@next linux@v7.3',
    ]);
  });

  it('says where in the plan a ref is named that is not there', async () => {
    commit('VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n', 'one');
    const error: unknown = await loadPlan(planFile(), known).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      problems: [{ line: 1, column: 24, message: expect.stringContaining('no v7.3 in') }],
    });
  });

  it('of somebody else does not even ask the tree', async () => {
    commit('VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n', 'one');
    git('tag', 'v7.3');
    const asked = vi.fn(ofTree);
    const rule = {
      folder: tree,
      refusal: ({ kind }: { kind: string }) => (kind === 'git-tree' ? { message: 'not trusted', hint: null } : null),
    };
    const error: unknown = await loadPlan(planFile(), { ...known, ofTree: asked, rule }).catch((e: unknown) => e);
    expect(error).toMatchObject({ problems: [{ line: 1, column: 24, message: 'not trusted' }] });
    expect(asked).not.toHaveBeenCalled();
    expect(existsSync(treesFolder(cache))).toBe(false);
  });
});
