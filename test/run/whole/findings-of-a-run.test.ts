// SPDX-License-Identifier: Apache-2.0
// What the consoles of two kernels say counts for the kernel that said it, and no flood hides what implies an outcome.
import { describe, expect, it } from 'vitest';
import { runFake } from '../../fakes/run.js';
import { TWO_UPDATES } from '../../fakes/scenarios.js';
import { OOPS, stamped, WARNING } from '../../fakes/words.js';

/** A word for a number: titles leave numbers out. */
const word = (n: number) => String.fromCharCode(97 + (n % 26), 97 + Math.floor(n / 26), 120);

describe('two findings in one read of the console', () => {
  it('each counts for the kernel that printed it', async () => {
    const { record } = await runFake(TWO_UPDATES, {
      // One millisecond before the last words: the lab reads both, and the next kernel's first words, at once.
      leaving: (machine, epoch) => epoch === 0 && machine.later(199, () => machine.say(WARNING)),
      booting: (machine, epoch) => epoch === 1 && machine.say(OOPS + stamped('it goes on')),
    });
    const said = record?.incidents
      .filter(({ source }) => source === 'console')
      .map(({ title, epoch }) => ({ title: title.split(':')[0], epoch }));
    expect(said).toEqual([
      { title: 'WARNING in function_0', epoch: 0 },
      { title: 'BUG', epoch: 1 },
    ]);
  });
});

describe('a flood of findings', () => {
  it.each([0, 1])('in epoch %i hides none that implies an outcome', async (epoch) => {
    const { record } = await runFake(TWO_UPDATES, {
      booting: (machine, booted) => {
        if (booted === epoch) for (let i = 0; i < 60; i++) machine.say(stamped(`KHO: failed to ${word(i)}`));
        if (booted === 1) machine.say('[    0.500000] KHO: disabling KHO revival\r\n');
      },
    });
    expect(record?.verdict.outcome).toBe('lost');
  });
});
