// SPDX-License-Identifier: Apache-2.0
// What `lab doctor` says about guests on KVM.
import { expect, it } from 'vitest';
import { acceleratorText } from '../../../src/cli/text/accelerator.js';

const state = { on: null, answer: null, counts: false, whyNot: null, breakpoints: null };
const open = { ...state, access: { state: 'open' } as const };

it('guests run on KVM if it is passed on', () => {
  expect(acceleratorText({ ...open, nested: { gives: 'svm' } })).toContain(
    'guests: on kvm, with kernels that drive svm',
  );
});

it('otherwise they run on tcg, and a line says how to mend it', () => {
  const nested = { gives: 'nothing', why: 'nested=0', hint: 'modprobe' } as const;
  expect(acceleratorText({ ...open, nested })).toMatch(/guests: on tcg, because nested=0\n +to mend it: modprobe$/);
});

it('without KVM, guests are not mentioned', () => {
  const access = { state: 'missing', why: 'there is no /dev/kvm', hint: 'buy one' } as const;
  expect(acceleratorText({ ...state, access, nested: { gives: 'svm' } })).not.toContain('guests');
});

it('says what is known of breakpoints, and when it was asked', () => {
  const on = { host: 'h', qemu: '10.0', binary: 'b', kernel: 'k', cpu: 'c' };
  const breakpoints = { verdict: 'refused', why: 'a kernel ran past one', at: '2026-11-28T09:00:00.000Z', on } as const;
  const text = acceleratorText({ ...open, breakpoints, nested: { gives: 'svm' } });
  expect(text).toContain('breakpoints: a kernel ran past one, asked 2026-11-28T09:00:00.000Z');
});
