// SPDX-License-Identifier: Apache-2.0
// At which level a device was kept, and what each level demands.
import { describe, expect, it } from 'vitest';
import type { DeviceLook, LookMoment, PciView } from '../../../src/model/kernel/pci.js';
import type { DeviceLevel } from '../../../src/model/scenario/device.js';
import { judgeDevices } from '../../../src/run/devices/judge.js';
import { levelReached } from '../../../src/run/devices/level.js';
import type { PciEvent } from '../../../src/oracles/pci/trace.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { DeviceState } from '../../../src/run/state/device.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';

const VIEW: PciView = {
  address: '0000:00:05.0',
  vendor: '1234',
  device: '11e8',
  class: '00ff',
  bars: [{ bar: 0, type: 'memory', address: '0xfe000000', size: 4096 }],
  command: 6,
  memory: true,
  busMaster: true,
  interrupts: [],
  bridge: null,
  registers: { liveness: '0x1' },
};
const STOPPED: PciView = { ...VIEW, command: 0, memory: false, busMaster: false, registers: null };
const QUIET: PciView = { ...VIEW, command: 2, busMaster: false };

/** A device that LUO carried, with its look when the next kernel was up. */
function judge(level: DeviceLevel, arrived: PciView) {
  const scenario = parseScenario(
    'from: a\nto: b\niommu: intel\nsessions: [{name: s}]\n' +
      `devices: [{name: e, device: edu, at: "05.0", preserve: {level: ${level}}, session: s}]\n`,
    'x.yaml',
  );
  const device = new DeviceState(scenario.hardware.devices[0]!);
  device.everOpen = true;
  device.carriedBy = { session: 's', token: 1 };
  device.retrieved = true;
  const look = (moment: LookMoment, epoch: number, view: PciView, t: number): DeviceLook => ({
    moment,
    epoch,
    view,
    t,
  });
  device.looks.push(
    look('use', 0, VIEW, 1),
    look('kexec', 0, VIEW, 2),
    look('arrival', 1, arrived, 3),
    look('use', 1, VIEW, 4),
  );
  const state = new RunState();
  state.devices.set('e', device);
  const { recorder } = fakeRecorder(1);
  const [judged] = judgeDevices(
    { state, trace: null, view: new FakeView(), plan: fakePlan(scenario), recorder },
    'runs',
  );
  return { judged, implied: recorder.incidents.map(({ implies }) => implies) };
}

describe('a kept device', () => {
  it.each([
    ['address', STOPPED, 'address', []],
    ['state', STOPPED, 'address', ['corrupt']],
    ['dma', STOPPED, 'address', ['corrupt']],
    ['address', QUIET, 'state', []],
    ['state', QUIET, 'state', []],
    ['dma', QUIET, 'state', ['corrupt']],
    ['state', VIEW, 'dma', []],
    ['dma', VIEW, 'dma', []],
    // Nobody has mapped anything yet, and it can already write.
    ['address', VIEW, 'dma', ['corrupt']],
  ] as const)('at level %s (case %#)', (level, arrived, reached, implied) => {
    expect(judge(level, arrived)).toMatchObject({ judged: { carried: 'kept', level: reached }, implied });
  });

  it('must be at its address at every level', () => {
    const moved = { ...STOPPED, address: '0000:00:06.0' };
    expect(judge('address', moved).implied).toEqual(['corrupt']);
    const bar = { ...STOPPED, bars: [{ ...VIEW.bars[0]!, address: '0x0' }] };
    expect(judge('address', bar).implied).toEqual(['corrupt']);
  });

  it('that was reset kept its address alone', () => {
    const look = { moment: 'arrival' as const, epoch: 1, t: 0, view: VIEW };
    expect(levelReached({ leaving: look, arriving: look, resets: 1, events: [] })).toBe('address');
    expect(levelReached({ leaving: look, arriving: look, resets: 0, events: [] })).toBe('dma');
  });

  it.each<[string, number, number, PciEvent['what'], DeviceLevel]>([
    ['the old kernel stopped and a driver of the next one started', 0, 15, 'memory off', 'address'],
    ['was bus master again when somebody looked', 1, 25, 'bus mastering off', 'state'],
    ['whose BARs the next kernel read', 1, 25, 'memory off', 'dma'],
    ['that was stopped before the kexec', 0, 5, 'memory off', 'dma'],
    ['that was opened later', 1, 35, 'bus mastering off', 'dma'],
  ])('that %s', (_, epoch, t, what, level) => {
    const leaving = { moment: 'kexec' as const, epoch: 0, t: 10, view: VIEW };
    const arriving = { moment: 'arrival' as const, epoch: 1, t: 30, view: VIEW };
    const events = [{ t, epoch, what, detail: '' }];
    expect(levelReached({ leaving, arriving, resets: 0, events })).toBe(level);
  });
});
