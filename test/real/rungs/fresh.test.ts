// SPDX-License-Identifier: Apache-2.0
// Runs from one saved machine are different runs: other random numbers in both kernels, another boot id of the next
// one, and the time of day.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseJson } from '../../../src/util/json.js';
import { z } from 'zod';
import { lab } from '../lab.js';

process.env['LAB_SNAPSHOTS'] = 'on';

const RUNS = 3;
/** Seconds. The clock is read a moment after it was set, on a slow machine. */
const LATE = 60;

const RANDOM = "$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \\\\n')";
const SAYS = `  - exec: "echo FRESH ${RANDOM} $(date +%s) > /dev/ttyS0"\n`;
const BEFORE = `  - create: vm0
  - memfd: {name: ram, size: 1MiB}
  - preserve: {session: vm0, file: ram, token: 1}
  - kexec
`;
const AFTER = `  - retrieve: vm0
  - retrieve: {session: vm0, token: 1}
  - check: ram
  - finish: vm0
`;

const ready = z.object({ kind: z.literal('epoch'), mark: z.literal('ready'), epoch: z.number(), bootId: z.string() });
const resumed = z.object({ kind: z.literal('snapshot'), state: z.literal('resumed'), rung: z.string() });

interface Seen {
  rung: string | null;
  random: string[];
  /** Seconds between the time of day and the machine's, at each question. */
  late: number[];
  /** Of the next kernel. */
  bootId: string;
}

async function seen(scenario: string, results: string): Promise<Seen> {
  const began = Date.now() / 1000;
  const before = new Set(readdirSync(results));
  const exit = await lab(['run', scenario, '--results', results]);
  expect(exit.code, exit.stdout + exit.stderr).toBe(0);
  const folder = readdirSync(results).find((name) => !before.has(name)) ?? '';
  const events = readFileSync(join(results, folder, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const [start] = events.flatMap((line) => parseJson(line, resumed) ?? []);
  const next = events.flatMap((line) => parseJson(line, ready) ?? []).find(({ epoch }) => epoch === 1);
  const said = readFileSync(join(results, folder, 'console.log'), 'latin1').matchAll(/FRESH ([0-9a-f]{32}) (\d+)/g);
  const lines = [...said];
  return {
    rung: start?.rung ?? null,
    random: lines.map(([, random = '']) => random),
    late: lines.map(([, , seconds]) => Number(seconds) - began),
    bootId: next?.bootId ?? '',
  };
}

describe('runs from one saved machine', () => {
  it.each([
    ['booted', `${SAYS}${BEFORE}${SAYS}${AFTER}`, 2],
    ['jump', `${BEFORE}${SAYS}${AFTER}`, 1],
  ])('at %s are all different, and know the time', async (rung, steps, kernels) => {
    const dir = mkdtempSync(join(tmpdir(), 'lab-test-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const scenario = join(dir, 'fresh.yaml');
    writeFileSync(scenario, `from: 7.2.12\nto: 7.3.4\nsteps:\n${steps}`);
    const results = mkdtempSync(join(dir, 'results-'));
    // The first one may have to save the machine.
    await seen(scenario, results);
    const runs: Seen[] = [];
    for (let run = 0; run < RUNS; run++) runs.push(await seen(scenario, results));
    expect(runs.map((run) => run.rung)).toEqual(Array(RUNS).fill(rung));
    expect(new Set(runs.flatMap(({ random }) => random)).size).toBe(RUNS * kernels);
    expect(new Set(runs.map(({ bootId }) => bootId)).size).toBe(RUNS);
    for (const { late } of runs)
      for (const seconds of late) expect(seconds).toSatisfy((s: number) => s > -1 && s < LATE);
  });
});
