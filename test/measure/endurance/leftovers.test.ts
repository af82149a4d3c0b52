// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { leftNow, type Places, processesWith, type Traces } from '../../../src/measure/endurance/leftovers.js';
import { verdictsIn } from '../../../src/measure/endurance/verdicts.js';

let folder: string;
let places: Places;
let traces: Traces;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lab-test-'));
  places = { temporary: join(folder, 'tmp'), results: join(folder, 'results') };
  for (const path of Object.values(places)) mkdirSync(path);
  traces = { tag: `LAB_ENDURANCE_OF=${folder}`, folders: Object.values(places), except: new Set() };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('nothing is left where nothing was', () => expect(leftNow(traces, places)).toEqual([]));

it.each([
  ['by its environment', () => ({ argv: ['-c', 'echo up; read line'], env: { LAB_ENDURANCE_OF: folder } })],
  [
    'by a path in its command line',
    () => ({ argv: ['-c', 'echo up; read line', join(folder, 'tmp/disk')], env: {} as NodeJS.ProcessEnv }),
  ],
])('a process is found %s, and not when it lives on by right', async (_, of) => {
  const { argv, env } = of();
  const child = spawn('/bin/sh', argv, { stdio: ['pipe', 'pipe', 'ignore'], env });
  await once(child.stdout, 'data');
  expect(processesWith(traces)).toHaveLength(1);
  expect(processesWith({ ...traces, except: new Set([child.pid ?? 0]) })).toEqual([]);
  child.stdin.end();
  await once(child, 'exit');
  expect(processesWith(traces)).toEqual([]);
});

it('a socket, a temporary file and a half-written file are found', async () => {
  const server = createServer().listen(join(places.temporary, 'socket'));
  await once(server, 'listening');
  mkdirSync(join(places.results, '.partial-run'));
  mkdirSync(join(places.results, '.index'));
  writeFileSync(join(places.results, '.index', 'history.sqlite'), '');
  writeFileSync(join(places.results, '.partial-run', 'result.json'), '{');
  expect(leftNow(traces, places)).toEqual([
    `socket left: ${join(places.temporary, 'socket')}`,
    'temporary file left: socket',
    'half-written file left: .partial-run',
    'half-written file left: .partial-run/result.json',
  ]);
  server.close();
});

it('a run that is not whole is no verdict', () => {
  mkdirSync(join(places.results, 'run'));
  for (const file of ['scenario.yaml', 'events.jsonl', 'console.log', 'qemu.txt'])
    writeFileSync(join(places.results, 'run', file), '');
  expect(verdictsIn(places.results).problems).toEqual(['run lacks result.json']);
  writeFileSync(join(places.results, 'run', 'result.json'), '{');
  expect(verdictsIn(places.results).problems[0]).toMatch(/^run cannot be read/);
});
