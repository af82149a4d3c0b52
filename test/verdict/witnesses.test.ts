// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { WITNESSES } from '../../src/model/result/witness.js';
import { Witnesses } from '../../src/verdict/witnesses.js';

describe('Witnesses', () => {
  it.each(WITNESSES)('%s is missing if it was needed and never looked, for each kernel separately', (witness) => {
    const witnesses = new Witnesses();
    witnesses.require(witness, 1);
    witnesses.require(witness, 2);
    witnesses.looked(witness, 1, 5);
    expect(witnesses.missing()).toEqual([{ witness, epoch: 2, why: 'it was needed and never looked', hint: null }]);
    expect(witnesses.report()[witness]).toEqual({
      looked: false,
      counted: 5,
      why: 'it was needed and never looked',
      required: true,
      waived: false,
    });
  });

  it.each(WITNESSES)('%s is missing if it was blind once, even if it looked before and after', (witness) => {
    const witnesses = new Witnesses();
    witnesses.require(witness, 1);
    witnesses.looked(witness, 1, 1);
    witnesses.blind(witness, 1, 'first', 'mend it');
    witnesses.blind(witness, 1, 'second');
    witnesses.looked(witness, 1, 1);
    expect(witnesses.missing()).toEqual([{ witness, epoch: 1, why: 'first', hint: 'mend it' }]);
  });

  it.each(WITNESSES)('%s is not missing if nothing needs it or the user waives it', (witness) => {
    const unneeded = new Witnesses();
    unneeded.blind(witness, 1, 'why');
    expect(unneeded.missing()).toEqual([]);
    const waived = new Witnesses([witness]);
    waived.require(witness, 1);
    waived.blind(witness, 1, 'why');
    expect(waived.missing()).toEqual([]);
    expect(waived.report()[witness]).toMatchObject({ looked: false, why: 'why', waived: true });
  });

  it.each(WITNESSES)('%s is missing for each kernel that needs it if it is blind throughout', (witness) => {
    const witnesses = new Witnesses();
    witnesses.blindThroughout(witness, 'an unknown QEMU', 'take another');
    witnesses.blindThroughout(witness, 'later');
    expect(witnesses.missing()).toEqual([]);
    expect(witnesses.report()).toEqual({});
    for (const epoch of [1, 2]) {
      witnesses.require(witness, epoch);
      witnesses.looked(witness, epoch, 1);
    }
    const blind = { witness, why: 'an unknown QEMU', hint: 'take another' };
    expect(witnesses.missing()).toEqual([
      { ...blind, epoch: 1 },
      { ...blind, epoch: 2 },
    ]);
    expect(witnesses.report()[witness]).toMatchObject({ looked: false, why: 'an unknown QEMU', required: true });
  });

  it('leaves out witnesses that nobody needed and that did not look', () => {
    expect(new Witnesses().report()).toEqual({});
  });
});
