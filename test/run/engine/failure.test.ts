// SPDX-License-Identifier: Apache-2.0
// Whose fault each error that ends a run is.
import { describe, expect, it } from 'vitest';
import { MachineEnded } from '../../../src/run/machine/ending.js';
import { classify, type LastLook, runErrorOf, type RunError } from '../../../src/run/engine/failure.js';
import type { Standstill } from '../../../src/run/machine/standstill.js';
import {
  ClientGone,
  CommandTimeout,
  HostTimeout,
  LabError,
  NoProgress,
  RunLimit,
  UsageError,
} from '../../../src/util/errors.js';

const STANDS: Standstill = {
  lines: ['CPU 0 at 0x1: running, interrupts off'],
  forgotten: [],
  status: 'VM status: running',
  busy: true,
};
const LOOK: LastLook = {
  standstill: STANDS,
  diskFull: false,
  frozen: false,
  oopsed: false,
  outOfMemory: false,
  heldNothing: false,
  consoleTail: '',
};
const times = (processor: number | null, held = 0) => ({ wall: 30_000, held, processor });
const late = (...given: Parameters<typeof times>) => new NoProgress('answer', 30_000, times(...given));

const ROWS: readonly [string, RunError, Partial<LastLook>, string | null, string][] = [
  ['the lab', new LabError('x'), {}, 'infra', 'lab'],
  ['the user', new UsageError('x'), {}, 'infra', 'lab'],
  ['QEMU did not answer', new HostTimeout('answer', 1), {}, 'infra', 'lab'],
  ['a command took too long', new CommandTimeout('end', 1), {}, 'infra', 'lab'],
  ["the user's limit", new RunLimit(15_000), {}, 'infra', 'lab'],
  [
    'the machine ended: written down when it did',
    new MachineEnded({ kind: 'reset', title: 'x', implies: 'reboot' }),
    {},
    null,
    'ended',
  ],
  ['nothing moved', late(29_000), {}, 'hang', 'ended'],
  ['nothing moved, and the host does not tell', late(null), {}, 'hang', 'ended'],
  ['all processors sleep, which takes no time', late(10), { standstill: { ...STANDS, busy: false } }, 'hang', 'ended'],
  ['a processor wanted to run, and got nothing', late(10), {}, 'infra', 'lab'],
  ['the host took nearly all of it, and it ran in the rest', late(900, 29_000), {}, 'hang', 'ended'],
  ['the emulator forgot one', late(29_000), { standstill: { ...STANDS, forgotten: [1] } }, 'infra', 'lab'],
  ['QEMU holds it', late(10), { standstill: { ...STANDS, status: 'VM status: paused (io-error)' } }, 'infra', 'lab'],
  ['the disk that the console goes to is full', late(10), { diskFull: true }, 'infra', 'lab'],
  [
    'a fault of the scenario holds it',
    late(10),
    { frozen: true, standstill: { ...STANDS, status: 'VM status: paused' } },
    'hang',
    'ended',
  ],
  ['QEMU does not answer either', late(29_000), { standstill: { ...STANDS, status: '' } }, 'infra', 'lab'],
  ['there is no machine to look at', late(29_000), { standstill: null }, 'infra', 'lab'],
  ['the client is gone', new ClientGone('gone'), {}, 'lost', 'client'],
  ['the client is gone, and had nothing', new ClientGone('gone'), { heldNothing: true }, null, 'client'],
];

describe('an error that ends a run', () => {
  it.each(ROWS)('%s', (_, error, look, implies, failure) => {
    const classified = classify(error, { ...LOOK, ...look });
    expect([classified.incident?.implies ?? null, classified.failure]).toEqual([implies, failure]);
  });

  it('says what a person needs', () => {
    expect(classify(new RunLimit(15_000), LOOK).incident?.title).toBe("the run's own time limit of 15 s was reached");
    expect(classify(late(29_000, 500), LOOK).incident?.detail).toContain(
      'QEMU had 29.0 s of processor time in these 30.0 s; the host kept it waiting for 0.5 s',
    );
    expect(classify(new ClientGone('the agent is gone'), { ...LOOK, outOfMemory: true }).incident?.detail).toContain(
      'machine: memory',
    );
    expect(classify(new ClientGone('the agent is gone'), { ...LOOK, oopsed: true }).incident?.title).toBe(
      'the agent is gone after a kernel oops',
    );
  });

  it("that says nothing of its fault is the lab's", () => {
    expect(runErrorOf(new TypeError('x is undefined'))).toMatchObject({ fault: 'host', message: 'x is undefined' });
    expect(runErrorOf('words')).toMatchObject({ fault: 'host', message: 'words' });
    const gone = new ClientGone('x');
    expect(runErrorOf(gone)).toBe(gone);
  });
});
