// SPDX-License-Identifier: Apache-2.0
// What the probe of breakpoints says about each way its boot can go. No machine is started.
import { expect, it } from 'vitest';
import { type BreakpointMachine, probeBreakpoints } from '../../../src/host/kvm/breakpoints.js';
import { LabError } from '../../../src/util/errors.js';

const never = () => new Promise<never>(() => undefined);
const gone = () => Promise.reject(new LabError('QEMU was ended by SIGKILL'));

interface Boot {
  stop: () => Promise<void>;
  ready: BreakpointMachine['untilReady'];
}

function machineOf({ stop, ready }: Boot) {
  const calls: string[] = [];
  const machine: BreakpointMachine = {
    attachDebugger: async () => ({
      breakAt: async (address) => void calls.push(`break ${address}`),
      clearBreak: async () => undefined,
      runUntilStop: () => {
        calls.push('run');
        return stop();
      },
      runAlone: async () => undefined,
      detach: async () => undefined,
    }),
    untilReady: ready,
    stop: async () => void calls.push('stop'),
    close: () => void calls.push('close'),
  };
  return { machine, calls };
}

it.each([
  ['it stops there', { stop: () => Promise.resolve(), ready: never }, 'works', 'stopped at'],
  [
    'it runs past',
    { stop: never, ready: () => Promise.resolve({ epoch: 0, bootId: '', release: '' }) },
    'refused',
    'does not report',
  ],
  ['QEMU is ended', { stop: gone, ready: gone }, 'unknown', 'ended'],
] as const)('%s', async (_, boot, verdict, why) => {
  const { machine, calls } = machineOf(boot);
  const answer = await probeBreakpoints(async () => machine, 7n);
  expect(answer.verdict).toBe(verdict);
  expect(answer.why).toContain(why);
  expect(calls).toEqual(['break 7', 'run', 'stop', 'close']);
});

it('a machine that does not start tells nothing', async () => {
  expect((await probeBreakpoints(gone, 7n)).verdict).toBe('unknown');
});
