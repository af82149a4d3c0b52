// SPDX-License-Identifier: Apache-2.0
// S8: the file of an upload was read without a limit. The old step filled the lab's memory from /dev/zero, and waited
// for ever at a pipe; reading a scenario or a kernel definition from a pipe waited, too.
import { execFileSync } from 'node:child_process';
import { symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDefinition } from '../../src/images/index.js';
import { readBaseline } from '../../src/matrix/baseline.js';
import { loadScenario } from '../../src/scenario/index.js';
import { readRegularFile, readRegularFileSync } from '../../src/util/files/regular-file.js';
import { runFake } from '../fakes/run.js';
import { temporaryFolder } from '../util/temporary.js';
import { HEAD, problemsOf } from './refusal.js';

function pipeIn(folder: string): string {
  const path = join(folder, 'pipe.yaml');
  execFileSync('mkfifo', [path]);
  return path;
}

describe('a file that would never end', () => {
  it('is refused before it is read, whatever it is', async () => {
    const folder = temporaryFolder();
    const large = join(folder, 'large');
    writeFileSync(large, '');
    truncateSync(large, 2 ** 40);
    for (const [path, why] of [
      [pipeIn(folder), 'found a pipe'],
      ['/dev/zero', 'found a device'],
      [folder, 'found a folder'],
      [large, 'at most 1000 are read'],
    ] as const) {
      await expect(readRegularFile(path, { maxBytes: 1000 })).rejects.toThrow(why);
      expect(() => readRegularFileSync(path, { maxBytes: 1000 })).toThrow(why);
    }
  });

  it('is no scenario, no definition and no baseline', async () => {
    const pipe = pipeIn(temporaryFolder());
    await expect(loadScenario(pipe)).rejects.toThrow('expected a scenario file, found a pipe');
    expect(() => readDefinition(pipe)).toThrow('found a pipe');
    expect(() => readBaseline('/dev/zero')).toThrow('found a device');
  });

  it('is no upload of data', () => {
    const folder = temporaryFolder();
    const large = join(folder, 'large');
    writeFileSync(large, '');
    truncateSync(large, (64 << 20) + 1);
    pipeIn(folder);
    for (const [name, why] of [
      ['pipe.yaml', 'found a pipe'],
      ['large', 'at most 67108864'],
    ])
      expect(problemsOf(`${HEAD}steps: [{upload: {from: ${name}, to: /x}}, kexec]\n`, folder)[0]).toContain(why);
  });
});

it('a file that is replaced by a link after it was checked is refused when it is read', async () => {
  const [folder, other] = [temporaryFolder(), temporaryFolder()];
  writeFileSync(join(other, 'secret'), 'x');
  symlinkSync(join(other, 'secret'), join(folder, 'data'));
  await expect(readRegularFile(join(folder, 'data'), { maxBytes: 10, within: folder })).rejects.toThrow(
    'not in the folder',
  );
  expect((await readRegularFile(join(folder, 'data'), { maxBytes: 10, within: other })).toString()).toBe('x');
});

it.each([
  ['/dev/zero', 'found a device'],
  ['pipe.yaml', 'found a pipe'],
])('an upload of %s by a trusted scenario ends the run as a failure of the lab', async (name, why) => {
  const folder = temporaryFolder();
  pipeIn(folder);
  const from = resolve(folder, name);
  const { record } = await runFake(`${HEAD}steps: [{upload: {from: ${from}, to: /x}}, kexec]\nexpect: preserved\n`);
  const titles = record?.incidents.map(({ title }) => title) ?? [];
  expect(titles.join('; ')).toContain(why);
});
