// SPDX-License-Identifier: Apache-2.0
// A fault that is injected when the next kernel has run for a while has the verdict of a cold run, as long as nobody
// has read what it changes. The control shows that this matters: after its reader, a fault has no effect.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Incident } from '../../../src/model/result/incident.js';
import type { Rung } from '../../../src/model/result/snapshot.js';
import { LadderRuns } from '../../../src/perform/ladder-runs.js';
import { Preparation } from '../../../src/perform/prepare.js';
import { loadScenario } from '../../../src/scenario/index.js';
import { labRun, ROOT } from '../lab.js';

const fault = (name: string) => join(ROOT, 'scenarios/mismatch/faults', `${name}.yaml`);
const { signal } = new AbortController();

const folder = mkdtempSync(join(tmpdir(), 'lab-test-'));
let runs: LadderRuns;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const scenario = await loadScenario(fault('memfd-position'));
  const preparation = new Preparation({ accel: 'tcg', signal, everyHandover: true });
  for (const stage of preparation.stages([scenario])) await stage.run({ detail: () => undefined });
  runs = await LadderRuns.climb(scenario, preparation.of(scenario), { folder, signal });
}, 300_000);

async function from(rung: Rung, name: string) {
  const member = runs.member(await loadScenario(fault(name)));
  if (member === null) throw new Error(`${name} is of another machine`);
  return { last: member.last, record: (await runs.run(member, rung)).record };
}

/** What the evidence is, in no order: two witnesses may see the same end in either order. */
const told = (incidents: readonly Incident[]) =>
  incidents.map(({ source, side, implies, title }) => `${source} ${side} ${implies}: ${title}`).sort();

describe('a fault from the last rung before its reader', () => {
  it.each<[string, Rung]>([
    ['kho-version', 'kho'],
    ['luo-version', 'luo'],
    ['sessions-count-zero', 'luo'],
    ['file-handler-unknown', 'open'],
    ['file-token', 'open'],
    ['memfd-position', 'retrieve'],
    ['memfd-pfn-offline', 'retrieve'],
    ['content-at-the-jump', 'retrieve'],
  ])('%s ends as in a cold run, from %s', { timeout: 300_000 }, async (name, rung) => {
    const { last, record } = await from(rung, name);
    expect(last).toBe(rung);
    const { result } = await labRun(fault(name), ['--cold']);
    expect(record.verdict.outcome).toBe(result.outcome);
    expect(told(record.incidents)).toEqual(told(result.incidents));
  });
});

describe('a fault after its reader', () => {
  it.each<[string, Rung]>([
    ['kho-version', 'luo'],
    ['luo-version', 'open'],
    ['sessions-count-zero', 'retrieve'],
    ['file-token', 'retrieve'],
  ])('%s has no effect from %s', { timeout: 120_000 }, async (name, rung) => {
    const { record } = await from(rung, name);
    expect(record.verdict.outcome).toBe('preserved');
  });
});
