// SPDX-License-Identifier: Apache-2.0
import type { HuntFinding, HuntReport } from '../../src/model/hunt/hunt.js';

export function findingOf(more: Partial<HuntFinding>): HuntFinding {
  return {
    name: 'a-finding',
    outcome: 'panic',
    title: 'BUG: unable to handle page fault in f',
    state: 'confirmed',
    kernels: ['7.3.4', '7.3.4'],
    input: 7,
    runs: 3,
    seen: 3,
    minimal: true,
    others: {},
    reference: null,
    run: null,
    fresh: true,
    ...more,
  };
}

export function reportOf(more: Partial<HuntReport>): HuntReport {
  return {
    schema: 1,
    seed: 1,
    kernels: [['7.3.4', '7.3.4']],
    folder: '/hunt',
    out: '/hunt/findings',
    end: { kind: 'done' },
    executions: 10,
    ms: 36_000,
    counts: { 'bytes allowed lost': 10 },
    rungs: { open: 10 },
    spent: { open: 3600 },
    hours: [10],
    curve: [{ at: 36_000, executions: 10, reached: 5 }],
    corpus: 3,
    findings: [],
    ...more,
  };
}
