// SPDX-License-Identifier: Apache-2.0
// Repeated runs use one saved machine; candidates share only the boot.
import { expect, it } from 'vitest';
import type { SnapshotUse } from '../../../src/perform/start.js';
import { measureRate } from '../../../src/repro/rerun/rate.js';
import { type Execute, Trials } from '../../../src/repro/rerun/trials.js';
import { parseScenario } from '../../../src/scenario/index.js';

const TEXT = 'description: it\nfrom: 7.2.12\nto: 7.3.4\nexpect: preserved\n';
const parse = (text: string) => parseScenario(text, 'it.yaml', { kernelProblem: () => null, rule: null });

function recorded(): { used: SnapshotUse[]; execute: Execute } {
  const used: SnapshotUse[] = [];
  return {
    used,
    execute: async (_scenario, _signal, snapshots) => {
      used.push(snapshots);
      return { outcome: 'lost', title: 'it', suspects: [], asExpected: false };
    },
  };
}

const { signal } = new AbortController();

it('runs of one scenario save their machine; a run alone saves nothing', async () => {
  const { used, execute } = recorded();
  await measureRate(parse(TEXT), null, { execute, times: 2, jobs: 1, signal });
  await measureRate(parse(TEXT), null, { execute, times: 1, jobs: 1, signal });
  expect(used).toEqual(['use', 'use', 'find']);
});

it('candidates save only the boot, however often each of them runs', async () => {
  const { used, execute } = recorded();
  const wanted = { outcome: 'panic' as const, title: null };
  const limits = { runs: 2, jobs: 1, signal, until: Infinity };
  await new Trials({ ...limits, wanted, execute, parse, onTrial: () => undefined }).first([TEXT]);
  expect(used).toEqual(['booted', 'booted']);
});
