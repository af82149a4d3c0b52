// SPDX-License-Identifier: Apache-2.0
// Reads a series from a file, a folder, and a git tree.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readGit } from '../../src/series/read/git.js';
import { readFiles } from '../../src/series/read/read.js';
import { folderWith, temporaryFolder } from '../images/folder.js';
import { diff, patchMail } from './mails.js';

const signal = new AbortController().signal;
const MBOX = `${patchMail(2, 2, 'b.c')}\n${patchMail(1, 2, 'a.c')}`;

describe('a file', () => {
  it('may be an mbox, also packed', () => {
    const dir = folderWith({ 'x.mbox': MBOX });
    writeFileSync(join(dir, 't.mbox.gz'), gzipSync(MBOX));
    const series = readFiles(join(dir, 'x.mbox'));
    expect(series.patches.map(({ title }) => title)).toEqual(['change 1', 'change 2']);
    expect(readFiles(join(dir, 't.mbox.gz'))).toEqual(series);
  });

  it('that unpacks to more than the limit is refused', () => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'bomb.mbox.gz'), gzipSync(Buffer.alloc(80 << 20)));
    expect(() => readFiles(join(dir, 'bomb.mbox.gz'))).toThrow('cannot read');
  });

  it('that is none, a pipe, or missing is refused', () => {
    const dir = temporaryFolder();
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    expect(() => readFiles(join(dir, 'pipe'))).toThrow('a pipe');
    expect(() => readFiles(join(dir, 'none'))).toThrow(/there is no .*none/);
    expect(() => readFiles('/dev/zero')).toThrow('a device');
  });
});

describe('a folder', () => {
  it('gives its patches, whatever else lies there', () => {
    const dir = folderWith({
      '0001-a.patch': patchMail(1, 2, 'a.c'),
      '0002-b.patch': patchMail(2, 2, 'b.c'),
      'notes.txt': 'x',
    });
    mkdirSync(join(dir, 'more'));
    expect(readFiles(dir).patches.map(({ title }) => title)).toEqual(['change 1', 'change 2']);
  });

  it('without a patch is refused', () => {
    expect(() => readFiles(folderWith({ 'notes.txt': 'x' }))).toThrow('no patch in');
  });
});

describe('a git tree', () => {
  function tree() {
    const dir = temporaryFolder();
    const git = (...argv: string[]) =>
      execFileSync('git', ['-C', dir, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...argv]).toString();
    const commit = (file: string, text: string, message: string) => {
      writeFileSync(join(dir, file), text);
      git('add', '-A');
      git('commit', '-qm', message);
      return git('rev-parse', 'HEAD').trim();
    };
    git('init', '-q', '-b', 'main');
    const base = commit('a.c', 'one\n', 'base');
    return { dir, git, commit, base };
  }

  it('gives the commits of a range, with the ids to build', async () => {
    const { dir, git, commit, base } = tree();
    // A message may contain anything, a patch too.
    const first = commit('a.c', 'two\n', `first\n\n${diff('evil.c')}\nFrom x Mon Sep 17 00:00:00 2001\nFrom: y\n`);
    const second = commit('b.c', 'b\n', 'second');
    git('config', 'diff.external', 'touch');
    git('config', 'diff.noprefix', 'true');
    const { series, commits } = await readGit(dir, `${base}..main`, signal);
    expect(series.patches.map(({ title, files }) => [title, ...files.map(({ path }) => path)])).toEqual([
      ['first', 'a.c'],
      ['second', 'b.c'],
    ]);
    expect(commits).toEqual({ tree: dir, base, ids: [first, second] });
    expect((await readGit(dir, `${first}..`, signal)).series.patches).toHaveLength(1);
  });

  it('with a range that is empty, has a merge, or is an option is refused', async () => {
    const { dir, git, commit, base } = tree();
    await expect(readGit(dir, 'main..main', signal)).rejects.toThrow('no commit in main..main');
    await expect(readGit(dir, '--output=x..main', signal)).rejects.toThrow('is no range of commits');
    await expect(readGit(dir, 'nothing..main', signal)).rejects.toThrow('cannot read nothing..main');
    git('checkout', '-qb', 'side', base);
    commit('s.c', 's\n', 'side');
    git('checkout', '-q', 'main');
    commit('m.c', 'm\n', 'main');
    git('merge', '-q', '--no-edit', 'side');
    await expect(readGit(dir, `${base}..main`, signal)).rejects.toThrow('has a merge');
  });
});
