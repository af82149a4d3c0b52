// SPDX-License-Identifier: Apache-2.0
// A result as a run leaves it behind, to be varied.
import type { Incident } from '../../src/model/result/incident.js';
import type { Outcome } from '../../src/model/result/outcome.js';
import { RESULT_SCHEMA } from '../../src/model/result/result.js';
import type { KernelOfResult, ResourceOfResult, Result } from '../../src/model/result/result.js';
import { ENDS_IN } from '../../src/model/result/outcome.js';

export function kernel(name: string): KernelOfResult {
  return { name, release: `${name}-lab`, components: [{ name: 'kho', version: 3 }], sha256: 'ab'.repeat(32) };
}

export function resource(more: Partial<ResourceOfResult> = {}): ResourceOfResult {
  return {
    kind: 'memfd',
    name: 'ram',
    session: 'vm0',
    token: 1,
    epoch: 1,
    state: 'intact',
    size: 64 << 20,
    pages: 16384,
    hugeKiB: 0,
    inside: { pages: 16384, bad: 0, size: 64 << 20, position: 0, seals: [], blocks: 131072, object: null },
    outside: { pages: 16384, different: 0, overwritten: 0, readable: 0 },
    problems: [],
    ...more,
  };
}

export function incident(implies: Outcome | null, more: Partial<Incident> = {}): Incident {
  return {
    source: 'console',
    side: 'inside',
    implies,
    title: `a ${implies ?? 'hint'}`,
    detail: 'first row\nsecond row',
    epoch: 1,
    t: 5000,
    ...more,
  };
}

/** A run with this outcome, expected and predicted. */
export function resultOf(outcome: Outcome, more: Partial<Result> = {}): Result {
  const cause = outcome === 'preserved' ? null : incident(outcome);
  const kernels = [kernel('7.2.12'), kernel('7.3.4')];
  return {
    schema: RESULT_SCHEMA,
    id: '20260101-000000-first-0000',
    scenario: { name: 'first', description: '', tags: [], file: 'first.yaml' },
    from: kernels[0] as KernelOfResult,
    to: kernels[1] as KernelOfResult,
    kernels,
    policy: 'force',
    outcome,
    endsIn: ENDS_IN[outcome],
    cause,
    expected: outcome,
    expectedEndsIn: null,
    asExpected: true,
    predicted: {
      outcome,
      endsIn: ENDS_IN[outcome],
      where: null,
      component: null,
      signs: [],
      mismatches: [],
      reasons: [],
      hit: true,
    },
    mismatches: [],
    resources: [resource()],
    devices: [],
    iommu: null,
    guests: [],
    downtime: [],
    impaired: null,
    recovery: null,
    cases: [],
    incidents: cause === null ? [] : [cause],
    attempts: [],
    witnesses: {},
    taint: null,
    handedOver: [],
    memory: {
      pagesPreserved: 16384,
      pagesIntact: 16384,
      pagesLeaked: 0,
      pagesLost: 0,
      pagesCorrupt: 0,
      updates: [
        {
          epoch: 1,
          markedOnArrival: 16500,
          markedAtEnd: 3,
          baseline: [{ what: 'KHO root tree', phys: '0x1000', pages: 1 }],
          map: [{ phys: '0x100000', pages: 16384, state: 'intact' }],
          mapLeftOut: 0,
        },
      ],
    },
    timeline: [
      { t: 100, epoch: 0, what: 'kernel 7.2.12-lab begins' },
      { t: 2000, epoch: 0, what: 'user space of 7.2.12-lab is up' },
      { t: 4000, epoch: 0, what: 'kexec' },
      { t: 6000, epoch: 1, what: 'user space of 7.3.4-lab is up' },
    ],
    qemu: {
      version: '7.2.22',
      accel: 'tcg',
      commandLine: 'mkdir -p /tmp/x\nqemu-system-x86_64 \\\n  -name lab\n',
      sandbox: { kind: 'bwrap', user: 'own', why: null, command: ['bwrap'] },
    },
    snapshot: { none: 'the lab booted everything' },
    durations: { total: 8000 },
    lab: { cpuMs: 500, peakRssKiB: 100_000, loopDelay: { p99: 3, max: 40 } },
    versions: { lab: '0.1.0', node: 'v20.0.0' },
    startedAt: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}
