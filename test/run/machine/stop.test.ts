// SPDX-License-Identifier: Apache-2.0
// The end of a machine is one, however many wait for it; one that never came up leaves nothing open.
import { expect, it } from 'vitest';
import { Machine } from '../../../src/run/machine/machine.js';
import { Recorder } from '../../../src/run/engine/recorder.js';
import { startClock } from '../../../src/util/clock.js';
import { FakeMachine } from '../../fakes/machine.js';

const streams = { event: () => undefined, console: () => undefined, qmp: () => undefined, agent: () => undefined };
const recorder = () => new Recorder(startClock(), () => undefined);
const CONFIG = { dir: '/nonexistent' } as Parameters<typeof Machine.start>[0];

function start(fake: FakeMachine, parts = fake.parts.machine): Promise<Machine> {
  return Machine.start(CONFIG, recorder(), streams, ({ implies }) => implies, parts);
}

it('who stops it second waits for the same end', async () => {
  const fake = new FakeMachine({});
  const machine = await start(fake);
  const first = machine.stop();
  const second = machine.stop();
  expect(fake.isGone).toBe(false);
  await second;
  expect(fake.isGone).toBe(true);
  await first;
  machine.close();
  expect(fake.leftOpen).toEqual([]);
  fake.ram.remove();
});

it('if the lab cannot connect, its memory is closed again', async () => {
  const fake = new FakeMachine({});
  const { machine: parts } = fake.parts;
  const noPort = async (...args: Parameters<typeof parts.openMonitor>) => {
    const monitor = await parts.openMonitor(...args);
    const human = monitor.human.bind(monitor);
    monitor.human = async (line) => (line === 'info usernet' ? '' : human(line));
    return monitor;
  };
  await expect(start(fake, { ...parts, openMonitor: noPort })).rejects.toThrow('QEMU forwards no port');
  expect(fake.leftOpen).toEqual([]);
  fake.ram.remove();
});
