// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Step } from '../../../src/model/scenario/scenario.js';
import { implicationFilter } from '../../../src/run/taint/severity.js';

const pos = { file: '', line: 1, column: 1 };
const step = (action: object): Step => ({ ...action, epoch: 0, errno: null, pos }) as Step;
const held = { session: 's', token: 1 };

describe('a kernel that refuses the whole handover', () => {
  it('loses nothing where nothing was carried', () => {
    const filter = implicationFilter(
      { steps: [step({ op: 'kexec' })], reserveMem: [] },
      new Map([['nic', { preserved: null, carriedBy: null }]]),
    );
    expect((['lost', 'leak', 'panic', 'infra', null] as const).map(filter)).toEqual([
      null,
      'leak',
      'panic',
      'infra',
      null,
    ]);
  });

  it.each<[string, object[], { name: string; size: number }[]]>([
    ['a session', [{ op: 'create', session: 's' }], []],
    ["upstream's test", [{ op: 'kselftest', test: 'luo_kexec_simple', stage: 1 }], []],
    ["the kernel's own test", [{ op: 'kselftest', test: 'test_kho', stage: 1 }], []],
    ['memory reserved by name', [], [{ name: 'a', size: 4096 }]],
  ])('loses %s', (_, steps, reserveMem) =>
    expect(implicationFilter({ steps: steps.map(step), reserveMem: reserveMem as never }, new Map())('lost')).toBe(
      'lost',
    ),
  );

  it('loses an optional device that the kernel did take into a session', () => {
    const optional = [step({ op: 'device-preserve', device: 'nic', optional: true })];
    for (const state of [
      { preserved: held, carriedBy: null },
      { preserved: null, carriedBy: held },
    ])
      expect(implicationFilter({ steps: optional, reserveMem: [] }, new Map([['nic', state]]))('lost')).toBe('lost');
  });
});
