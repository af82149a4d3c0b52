// SPDX-License-Identifier: Apache-2.0
// Runs that arrive from other hosts: accepted complete or not at all, whatever they contain.
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { create } from 'tar';
import { describe, expect, it } from 'vitest';
import { RunFolder } from '../../../src/store/run/run-folder.js';
import { type AskedRun, packRun, unpackRun } from '../../../src/store/run/archive.js';
import { readOrigin } from '../../../src/store/run/origin.js';
import { resultOf } from '../../report/result.js';
import { tarOf } from '../../util/archive/make-tar.js';
import { temporaryFolder } from '../../util/temporary.js';

const CELL = { matrix: 'm1', cell: 'c-1', attempt: 1 };
const TEXT = 'from: a\n';
const ASKED: AskedRun = { cell: CELL, text: TEXT, kernels: ['7.2.12', '7.3.4'], worker: 'h:1', sender: 'unsigned' };

function run(id: string, cell: Partial<typeof CELL> = {}): string {
  const folder = new RunFolder(temporaryFolder(), id, { ...CELL, worker: 'h:1', ...cell });
  folder.console(Buffer.from('hello\n'));
  return folder.finish({ ...resultOf('preserved'), id }, TEXT);
}

const archive = packRun;

/** An archive of anything. */
function evil(
  make: (dir: string) => string[],
  options: Partial<Parameters<typeof create>[0]> = {},
): AsyncIterable<Buffer> {
  const dir = temporaryFolder();
  const names = make(dir);
  return Readable.from(create({ gzip: true, cwd: dir, ...options } as { gzip: true }, names)) as AsyncIterable<Buffer>;
}

describe('a run from another host', () => {
  it('is accepted once, complete', async () => {
    const results = join(temporaryFolder(), 'results');
    const folder = run('run-1');
    expect(await unpackRun(results, 'run-1', ASKED, archive(folder))).toMatchObject({ path: join(results, 'run-1') });
    expect(readdirSync(join(results, 'run-1')).sort()).toEqual([...readdirSync(folder), 'origin.json'].sort());
    expect(readOrigin(join(results, 'run-1'))).toEqual({ from: 'worker', worker: 'h:1', sender: 'unsigned' });
    expect(await unpackRun(results, 'run-1', ASKED, archive(run('run-1', { cell: 'other' })))).toMatchObject({
      path: join(results, 'run-1'),
    });
    expect(readdirSync(results)).toEqual(['run-1']);
  });

  it.each<[string, () => AsyncIterable<Buffer>, RegExp]>([
    ["another cell's", () => archive(run('run-1', { cell: 'd-1' })), /belongs to another cell/],
    ["another matrix's", () => archive(run('run-1', { matrix: 'm2' })), /belongs to another cell/],
    ['of another attempt', () => archive(run('run-1', { attempt: 2 })), /belongs to another cell/],
    ['under another name', () => archive(run('run-2')), /another run's name/],
    [
      'cut off',
      () =>
        (async function* cut() {
          for await (const chunk of archive(run('run-1'))) yield chunk.subarray(0, 200);
        })(),
      /arrived incomplete/,
    ],
    ['no archive', () => Readable.from([Buffer.from('x'.repeat(5000))]), /arrived incomplete/],
    [
      'with a link',
      () => evil((dir) => (symlinkSync('/etc/passwd', join(dir, 'cell.json')), ['cell.json'])),
      /does not belong there: SymbolicLink/,
    ],
    [
      'with an origin of its own',
      () => evil((dir) => (writeFileSync(join(dir, 'origin.json'), '{}'), ['origin.json'])),
      /does not belong there/,
    ],
    ['with a folder', () => evil((dir) => (mkdirSync(join(dir, 'sub')), ['sub'])), /does not belong there: Directory/],
    [
      'that climbs out',
      () => evil((dir) => (writeFileSync(join(dir, 'out'), 'x'), [join(dir, 'out')]), { preservePaths: true }),
      /does not belong there: File/,
    ],
  ])('that is %s leaves nothing', async (_what, make, said) => {
    const results = temporaryFolder();
    await expect((async () => unpackRun(results, 'run-1', ASKED, make()))()).rejects.toThrow(said);
    expect(readdirSync(results)).toEqual([]);
  });

  it('S7: keeps neither setuid nor owner of the sender', async () => {
    const results = temporaryFolder();
    const folder = run('run-1');
    const files = readdirSync(folder).map((name) => ({
      path: name,
      data: readFileSync(join(folder, name)),
      mode: 0o6777,
      uid: 4321,
    }));
    const { path } = await unpackRun(results, 'run-1', ASKED, Readable.from([gzipSync(tarOf(files))]));
    for (const name of readdirSync(path)) {
      const { mode, uid } = statSync(join(path, name));
      expect([mode & ~0o022, uid]).toEqual([0o100644, process.getuid?.()]);
    }
  });

  it.each<[string, Partial<AskedRun>, RegExp]>([
    ['another scenario', { text: 'from: b\n' }, /another scenario than its cell has/],
    ['the same scenario, but for one byte', { text: 'from: a' }, /another scenario than its cell has/],
    ['other kernels', { kernels: ['7.2.12', '7.2.12'] }, /other kernels than its cell has/],
  ])('S2: with %s is refused, also if a run of this name is here', async (_what, asked, said) => {
    const results = temporaryFolder();
    await expect(unpackRun(results, 'run-1', { ...ASKED, ...asked }, archive(run('run-1')))).rejects.toThrow(said);
    expect(readdirSync(results)).toEqual([]);
    await unpackRun(results, 'run-1', ASKED, archive(run('run-1')));
    await expect(unpackRun(results, 'run-1', { ...ASKED, ...asked }, archive(run('run-1')))).rejects.toThrow(said);
  });

  it.each(['../x', '.hidden', 'a/b', '', 'x\0y'])('is not taken under the name %j', async (name) => {
    const around = temporaryFolder();
    const results = join(around, 'results');
    await expect(unpackRun(results, name, ASKED, archive(run('run-1')))).rejects.toThrow(/an invalid name/);
    expect(readdirSync(around)).toEqual([]);
  });
});
