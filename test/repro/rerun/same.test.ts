// SPDX-License-Identifier: Apache-2.0
// `lab repro --same`: the scenario that is run, and what is said about the consoles.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { reproJson, reproText } from '../../../src/cli/text/repro.js';
import { agreementsOf, whyNotSame } from '../../../src/repro/rerun/agreement.js';
import { rerun } from '../../../src/repro/rerun/rerun.js';
import { scenarioOf } from '../../../src/repro/rerun/subject.js';
import { kernel, resultOf } from '../../report/result.js';

const folder = mkdtempSync(join(tmpdir(), 'lab-same-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function runWith(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'console.log'), lines.map((line) => `${line}\n`).join(''));
  return path;
}

const result = resultOf('panic', { kernels: [kernel('a'), kernel('b')] });
const machineOf = (text: string, same: boolean) =>
  scenarioOf({ text: `from: a\nto: b\n${text}`, file: 'x.yaml', result, kernels: [], rule: null }, { same }, () => null)
    .machine;

it('counts instructions and has a seed, its own if it names one', () => {
  expect(machineOf('', true)).toMatchObject({ icount: true, seed: 1 });
  expect(machineOf('machine: {seed: 7, cpus: 1}', true)).toMatchObject({ icount: true, seed: 7, cpus: 1 });
  expect(machineOf('', false)).toMatchObject({ icount: false });
  expect(machineOf('', false).seed).toBeUndefined();
});

it('compares the console of each run with that of the first', async () => {
  const folders = [
    runWith('one', '[ 1.0] a', '[ 1.1] b'),
    runWith('two', '[ 1.2] a', '[ 1.3] b'),
    runWith('three', '[ 1.0] a', '[ 1.1] c\u001b[31m'),
  ];
  const agreements = agreementsOf(folders);
  expect(agreements).toMatchObject([
    { folder: folders[1], lines: [2, 2], equal: 2, measured: 0, first: null },
    { folder: folders[2], equal: 1, first: { line: 2, texts: ['b', 'c\u001b[31m'] } },
  ]);
  const report = await rerun(result, 3, async (at) => ({ result, folder: folders[at] ?? '' }));
  const text = reproText(result, report, { notes: [], agreements }, {});
  expect(text).toContain(`${folders[1]}, compared with the first: 2 of 2 lines the same in the same order\n`);
  expect(text).toContain('first difference at line 2\n      b\n      c\\x1b[31m\n');
  expect(reproJson(result, report, { notes: [], agreements })).toMatchObject({ agreements: [{ equal: 2 }, {}] });
  expect(reproJson(result, report, { notes: [], agreements: null })).not.toHaveProperty('agreements');
  expect(agreementsOf([])).toEqual([]);
});

it('says so if instructions cannot be counted', () => {
  const counted = resultOf('panic', { qemu: { ...result.qemu, commandLine: 'qemu -icount shift=4' } });
  expect(whyNotSame(counted)).toBeNull();
  expect(whyNotSame(result)).toMatch(/KVM or with guests/);
});
