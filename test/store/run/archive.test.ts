// SPDX-License-Identifier: Apache-2.0
// Runs that arrive from other hosts: accepted complete or not at all, whatever they contain.
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { create } from 'tar';
import { describe, expect, it } from 'vitest';
import { RunFolder } from '../../../src/store/run/run-folder.js';
import { packRun, unpackRun } from '../../../src/store/run/archive.js';
import { resultOf } from '../../report/result.js';
import { temporaryFolder } from '../../util/temporary.js';

const CELL = { matrix: 'm1', cell: 'c-1', attempt: 1 };

function run(id: string, cell: Partial<typeof CELL> = {}): string {
  const folder = new RunFolder(temporaryFolder(), id, { ...CELL, worker: 'h:1', ...cell });
  folder.console(Buffer.from('hello\n'));
  return folder.finish({ ...resultOf('preserved'), id }, 'from: a\n');
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
    expect(await unpackRun(results, 'run-1', CELL, archive(folder))).toBe(join(results, 'run-1'));
    expect(readdirSync(join(results, 'run-1')).sort()).toEqual(readdirSync(folder).sort());
    expect(await unpackRun(results, 'run-1', CELL, archive(run('run-1', { cell: 'other' })))).toBe(
      join(results, 'run-1'),
    );
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
    ['with a folder', () => evil((dir) => (mkdirSync(join(dir, 'sub')), ['sub'])), /does not belong there: Directory/],
    [
      'that climbs out',
      () => evil((dir) => (writeFileSync(join(dir, 'out'), 'x'), [join(dir, 'out')]), { preservePaths: true }),
      /does not belong there: File/,
    ],
  ])('that is %s leaves nothing', async (_what, make, said) => {
    const results = temporaryFolder();
    await expect((async () => unpackRun(results, 'run-1', CELL, make()))()).rejects.toThrow(said);
    expect(readdirSync(results)).toEqual([]);
  });

  it.each(['../x', '.hidden', 'a/b', '', 'x\0y'])('is not taken under the name %j', async (name) => {
    const around = temporaryFolder();
    const results = join(around, 'results');
    await expect(unpackRun(results, name, CELL, archive(run('run-1')))).rejects.toThrow(/an invalid name/);
    expect(readdirSync(around)).toEqual([]);
  });
});
