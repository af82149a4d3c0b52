// SPDX-License-Identifier: Apache-2.0
// A scenario that needs a breakpoint leaves KVM only where breakpoints are not known to fire.
import { expect, it } from 'vitest';
import { debuggerAccel } from '../../src/perform/debugger-accel.js';

const KVM = { accel: 'kvm', why: 'a kernel reached user space on KVM' } as const;
const TCG = { accel: 'tcg', why: 'requested' } as const;

it.each(['refused', 'unknown'] as const)('TCG, with the reason: %s', (verdict) => {
  expect(debuggerAccel(KVM, { verdict, why: 'none fires' })).toEqual({
    accel: 'tcg',
    why: 'a stop at the jump needs a hardware breakpoint, but none fires',
  });
});

it('KVM stays where they fire, and where none is needed', () => {
  expect(debuggerAccel(KVM, { verdict: 'works', why: '' })).toBe(KVM);
  expect(debuggerAccel(KVM, null)).toBe(KVM);
});

it('TCG stays TCG', () => expect(debuggerAccel(TCG, { verdict: 'refused', why: 'none fires' })).toBe(TCG));
