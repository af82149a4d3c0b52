// SPDX-License-Identifier: Apache-2.0
// `lab matrix` with real machines: verdicts, the exit status, a SIGKILL in the middle and --resume, the baseline.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Matrix, PairResult } from '../../src/model/result/matrix.js';
import { readAttempts, readCellOfRun } from '../../src/store/matrix/folder.js';
import { until } from '../util/temporary.js';
import { lab, LAB, ROOT, temporary } from './lab.js';

let dir: string;
let results: string;
beforeEach(() => {
  dir = temporary();
  results = join(dir, 'results');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function plan(text: string): string {
  const file = join(dir, 'plan.yaml');
  writeFileSync(file, text.replaceAll('@', join(ROOT, 'scenarios')));
  return file;
}

const runs = () => readdirSync(results).filter((name) => existsSync(join(results, name, 'result.json')));

it('runs every cell with the outcome that is its own, and takes over its baseline', async () => {
  const file = plan(`kernels: [7.1.13, 7.2.12]
pairs: [forward, same]
scenarios:
  - file: "@/pair.yaml"
  - {file: "@/refused-abort.yaml", kernels: own}
exclude: [{from: 7.1.13, to: 7.1.13}]
expect: scenario
baseline: baseline.yaml
`);
  const first = await lab(['matrix', file, '--results', results, '--json', '--update-baseline']);
  const { squares, ...matrix } = JSON.parse(first.stdout) as Matrix & { squares: PairResult[] };
  // pair.yaml expects preserved everywhere; 7.1.13 to 7.2.12 cannot be.
  expect(
    squares.map(
      ({ scenario, kernels, state, asExpected }) => `${scenario} ${kernels.join(' ')} ${state} ${asExpected}`,
    ),
  ).toEqual([
    'scenarios/pair.yaml 7.1.13 7.2.12 lost false',
    'scenarios/pair.yaml 7.2.12 7.2.12 preserved true',
    'scenarios/refused-abort.yaml 7.2.12 7.3.4 refused true',
  ]);
  expect(first.code).toBe(1);
  expect(matrix.cells).toHaveLength(3);
  expect(
    runs()
      .map((name) => readCellOfRun(join(results, name))?.cell ?? '')
      .sort(),
  ).toEqual(matrix.cells.map(({ id }) => id).sort());
  expect(first.stderr).toContain('+ scenarios/pair.yaml  7.1.13 -> 7.2.12: lost');
  expect(readFileSync(join(dir, 'baseline.yaml'), 'utf8')).toContain('7.1.13 -> 7.2.12: lost');

  // With that baseline nothing is unexpected; nothing is run again to know it.
  const again = await lab(['matrix', file, '--results', results, '--resume', '--update-baseline']);
  expect(again.stdout).toContain('does not change');
  expect(runs()).toHaveLength(3);
});

it('goes on after SIGKILL, runs nothing twice, and leaves nothing behind', async () => {
  const file = plan('kernels: [7.2.12]\nrepeats: 4\nscenarios: [{file: "@/control.yaml"}]\n');
  const child = spawn(process.execPath, [LAB, 'matrix', file, '--results', results, '--jobs', '1'], {
    stdio: 'ignore',
  });
  const finished = () =>
    existsSync(results) ? readdirSync(results).flatMap((name) => readAttempts(join(results, name)).attempts) : [];
  await until(
    'one cell has ended and another runs',
    () => finished().length === 1 && readdirSync(results).some((name) => name.startsWith('.partial-')),
    240_000,
  );
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  await until('nothing half-written is left', () => !readdirSync(results).some((name) => name.startsWith('.partial-')));
  expect(runs()).toHaveLength(1);
  const rest = await lab(['matrix', file, '--results', results, '--resume']);
  expect(rest.stderr).toContain('3 of 4 cells left');
  expect(rest.code, rest.stderr).toBe(0);
  expect(rest.stdout).toContain('4 cells, 1 pair results: 1 preserved');
  expect(runs()).toHaveLength(4);
  expect(new Set(finished().map(({ cell }) => cell)).size).toBe(4);
  // Another scenario or plan is another matrix.
  writeFileSync(file, `${readFileSync(file, 'utf8')}retries: 1\n`);
  expect(await lab(['matrix', file, '--results', results, '--resume'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('the plan or its scenarios have changed since'),
  });
});

it('finds what is wrong with a plan before anything is started', async () => {
  const bad = await lab([
    'matrix',
    plan('kernels: [7.2.12]\nscenarios: [{file: "@/pare.yaml"}]\n'),
    '--results',
    results,
  ]);
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringMatching(/plan\.yaml:2:20: no such scenario/) });
  expect(
    await lab(['matrix', join(ROOT, 'scenarios/matrix/quick.yaml'), '--queue', 'http://x', '--results', results]),
  ).toMatchObject({ code: 2, stderr: expect.stringContaining('expected the address of a Redis server') });
  expect(await lab(['worker', '--queue', 'redis://127.0.0.1:1'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('no Redis at redis://127.0.0.1:1'),
  });
  expect(existsSync(results)).toBe(false);
});
