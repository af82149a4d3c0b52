// SPDX-License-Identifier: Apache-2.0
// Problems with devices in a run become mismatches of pci, vfio and iommu.
import { describe, expect, it } from 'vitest';
import type { Mismatch } from '../../../src/model/kernel/component.js';
import type { DeviceLook, LookMoment, PciView } from '../../../src/model/kernel/pci.js';
import { judgeDevices } from '../../../src/run/devices/judge.js';
import { judgeKept } from '../../../src/run/devices/refusal.js';
import { DeviceState } from '../../../src/run/state/device.js';
import { noteHardware } from '../../../src/run/record/hardware-mismatches.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { parseScenario } from '../../../src/scenario/index.js';

const VIEW: PciView = {
  address: '0000:01:00.0',
  vendor: '1234',
  device: '11e8',
  class: '00ff',
  bars: [],
  command: 6,
  memory: true,
  busMaster: true,
  interrupts: [],
  bridge: { address: '0000:00:02.0', secondary: 1, busMaster: true },
  registers: null,
};

/** One edu device that both kernels open; `looks` are of epochs 0 and 1. */
function run(
  looks: readonly [LookMoment, number, PciView | null][],
  change: (device: DeviceState) => void = () => undefined,
  preserve = 'recreate',
) {
  const session = preserve === 'recreate' ? '' : ', session: vm0';
  const scenario = parseScenario(
    'from: a\nto: b\niommu: intel\nsessions: [{name: vm0, files: [{name: ram, memfd: 4KiB}]}]\n' +
      `devices: [{name: e, device: edu, at: "00.0", behind: rp0, preserve: ${preserve}${session}}]\n`,
    'x.yaml',
  );
  const device = new DeviceState(scenario.hardware.devices[0]!);
  device.everOpen = true;
  device.looks.push(...looks.map(([moment, epoch, view], t): DeviceLook => ({ moment, epoch, t, view })));
  change(device);
  const state = new RunState();
  state.devices.set('e', device);
  const { recorder } = fakeRecorder(1);
  const parts = { state, trace: null, view: new FakeView(), plan: fakePlan(scenario), recorder };
  return {
    parts,
    device,
    state,
    incidents: recorder.incidents,
    said: () => state.hardware.map(({ component, endsIn, detail }) => `${component} ${endsIn} ${detail}`),
  };
}

const BOTH: [LookMoment, number, PciView | null][] = [
  ['use', 0, VIEW],
  ['kexec', 0, VIEW],
  ['arrival', 1, VIEW],
  ['use', 1, VIEW],
];
const GONE = 'pci reboot e: 0000:01:00.0 (1234:11e8) is no longer there';

describe('a device', () => {
  it('that is unchanged makes no mismatch', () => {
    const it = run(BOTH);
    expect(judgeDevices(it.parts, 'runs')[0]).toMatchObject({ carried: 'recreated', problems: [] });
    expect([it.said(), it.incidents]).toEqual([[], []]);
  });

  it.each<[string, [LookMoment, number, PciView | null][]]>([
    [
      'gone before the jump, and looked at only before it was pulled out',
      [
        ['fault', 0, VIEW],
        ['fault', 0, null],
        ['kexec', 0, null],
        ['arrival', 1, null],
      ],
    ],
    [
      'gone at the jump',
      [
        ['use', 0, VIEW],
        ['kexec', 0, VIEW],
        ['arrival', 1, null],
      ],
    ],
    [
      'gone in the next kernel',
      [
        ['use', 0, VIEW],
        ['kexec', 0, VIEW],
        ['arrival', 1, VIEW],
        ['end', 1, null],
      ],
    ],
  ])('%s', (_, looks) => {
    const it = run(looks);
    expect(judgeDevices(it.parts, 'runs')[0]).toMatchObject({ carried: 'lost', after: null });
    expect(it.said()).toEqual([GONE]);
    expect(it.incidents[0]).toMatchObject({ implies: 'lost' });
  });

  it('that moved', () => {
    const it = run([...BOTH.slice(0, 2), ['arrival', 1, { ...VIEW, address: '0000:02:00.0' }]]);
    judgeDevices(it.parts, 'runs');
    expect(it.said()).toEqual(['pci reboot e: was at 0000:01:00.0, is at 0000:02:00.0']);
  });

  it('whose descriptor did not come back', () => {
    const it = run(BOTH.slice(0, 3), undefined, 'required');
    judgeDevices(it.parts, 'runs');
    expect(it.said()).toEqual(['vfio reboot e: its descriptor did not come back']);
  });

  it('that was kept, and can no longer write', () => {
    const it = run(
      [...BOTH.slice(0, 3), ['use', 1, { ...VIEW, busMaster: false }]],
      (device) => {
        device.retrieved = true;
      },
      'required',
    );
    expect(judgeDevices(it.parts, 'runs')[0]).toMatchObject({ carried: 'kept' });
    expect(it.said()).toEqual([
      'pci reboot e: bus mastering was on and is off: the device can neither write memory nor signal interrupts',
    ]);
    expect(it.incidents).toMatchObject([{ implies: 'corrupt' }]);
  });

  it('whose machine has ended makes no mismatch', () => {
    const it = run(BOTH.slice(0, 2));
    judgeDevices(it.parts, 'ended');
    expect(it.said()).toEqual([]);
  });

  it('that goes while an update is called off', () => {
    const it = run([
      ['use', 1, VIEW],
      ['end', 1, null],
    ]);
    judgeKept(it.parts, it.device);
    expect(it.said()).toEqual([GONE]);
    expect(it.incidents).toMatchObject([{ implies: 'lost' }]);
  });

  it('whose descriptor came back and that nobody could bind is lost, and the call that failed is named', () => {
    const it = run(
      BOTH.slice(0, 3),
      (device) => {
        device.carriedBy = { session: 'vm0', token: 2 };
        device.unusable.push(1);
        device.problems.push({
          epoch: 1,
          what: 'its descriptor came back and cannot be used: VFIO_DEVICE_BIND_IOMMUFD: EPERM',
        });
      },
      'required',
    );
    const [judged] = judgeDevices(it.parts, 'runs');
    expect(judged?.carried).toBe('lost');
    expect(judged?.problems).toContain('its descriptor came back and cannot be used: VFIO_DEVICE_BIND_IOMMUFD: EPERM');
    expect(it.incidents).toMatchObject([{ implies: 'lost' }]);
  });

  it('that must be carried is lost where it is never retrieved', () => {
    const it = run(
      BOTH,
      (device) => {
        device.carriedBy = { session: 'vm0', token: 2 };
      },
      'required',
    );
    it.parts.plan.scenario.steps = it.parts.plan.scenario.steps.filter(
      ({ op }) => op !== 'device-retrieve' && op !== 'device-open',
    );
    expect(judgeDevices(it.parts, 'runs')[0]).toMatchObject({
      carried: 'lost',
      problems: ['it was handed over, and nobody asked for its descriptor'],
    });
    expect(it.said()).toEqual([]);
    expect(it.incidents).toMatchObject([{ implies: 'lost' }]);
  });
});

describe('a device of an update that was called off', () => {
  const open = (device: DeviceState) => {
    device.open = true;
  };

  it('that goes on as before', () => {
    const it = run(
      [
        ['use', 1, VIEW],
        ['kexec', 1, VIEW],
        ['end', 1, VIEW],
        ['use', 1, VIEW],
      ],
      open,
    );
    expect(judgeKept(it.parts, it.device).problems).toEqual([]);
    expect(it.incidents).toEqual([]);
  });

  it.each<[string, Partial<PciView>, string]>([
    ['memory', { memory: false }, 'its memory is no longer decoded'],
    [
      'bus mastering',
      { busMaster: false },
      'bus mastering was on and is off: the device can neither write memory nor signal interrupts',
    ],
    [
      'its bridge',
      { bridge: { address: '0000:00:02.0', secondary: 1, busMaster: false } },
      "the bridge 0000:00:02.0 no longer forwards the device's writes",
    ],
  ])('that lost %s while it was open', (_, change, problem) => {
    const it = run(
      [
        ['use', 1, VIEW],
        ['kexec', 1, VIEW],
        ['end', 1, { ...VIEW, ...change }],
        ['use', 1, { ...VIEW, ...change }],
      ],
      open,
    );
    expect(judgeKept(it.parts, it.device).problems).toEqual([problem]);
    expect(it.incidents).toMatchObject([{ implies: 'corrupt' }]);
    // Closed, it may be off.
    const closed = run([
      ['use', 1, VIEW],
      ['end', 1, { ...VIEW, ...change }],
    ]);
    expect(judgeKept(closed.parts, closed.device).problems).toEqual([]);
  });

  it('that the device-check finds dead', () => {
    const it = run(
      [
        ['use', 1, VIEW],
        ['end', 1, VIEW],
      ],
      (device) => {
        open(device);
        device.problems.push(
          { epoch: 1, what: 'its registers cannot be read: EIO (pread)' },
          { epoch: 0, what: 'an older one' },
        );
      },
    );
    expect(judgeKept(it.parts, it.device).problems).toEqual(['its registers cannot be read: EIO (pread)']);
    expect(it.incidents).toMatchObject([{ implies: 'corrupt' }]);
  });
});

it('keeps one entry for each component, each detail once, up to a limit', () => {
  const all: Mismatch[] = [];
  for (const detail of ['a', 'b', 'a']) noteHardware(all, 'pci', detail);
  noteHardware(all, 'iommu', 'x'.repeat(10_000));
  for (let i = 0; i < 1000; i++) noteHardware(all, 'pci', `device ${i} is gone`);
  expect(all.map(({ component, detail }) => [component, detail.slice(0, 4), detail.length <= 2000])).toEqual([
    ['pci', 'a; b', true],
    ['iommu', 'xxxx', true],
  ]);
  expect(all[0]).toMatchObject({ wrote: null, reads: [], endsIn: 'reboot', source: 'run' });
});
