// SPDX-License-Identifier: Apache-2.0
// Repeated runs use one saved machine.
import { expect, it } from 'vitest';
import type { SnapshotUse } from '../../../src/perform/start.js';
import { measureRate } from '../../../src/repro/rerun/rate.js';
import type { Execute } from '../../../src/repro/rerun/execute.js';
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
