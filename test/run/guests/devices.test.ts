// SPDX-License-Identifier: Apache-2.0
// A guest's own counts of its device decide the verdict on the guest. A kept device that was reset is also a mismatch.
import { expect, it } from 'vitest';
import { DeviceState } from '../../../src/run/state/device.js';
import { judgeDevicesOf } from '../../../src/run/guests/devices.js';
import { GuestState, type DeviceStat } from '../../../src/run/state/guest.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';

const { steps, hardware } = parseScenario(
  'from: a\nto: b\niommu: intel\nsessions: [{name: s, guests: [{name: g, size: 4MiB, devices: [e]}]}]\n' +
    'devices: [{name: e, device: edu, at: "05.0"}]\n',
  'x.yaml',
);
const counts = (change: Partial<DeviceStat> = {}): DeviceStat => ({
  device: 'e',
  done: 7,
  wrong: 0,
  unended: 0,
  cut: 1,
  resets: 1,
  gone: 0,
  ...change,
});

/**
 * @param change what the guest counted since
 * @param how its device came back to it; null where it did not
 */
function judged(
  change: Partial<DeviceStat>,
  how: 'kept' | 'reopened' | null,
  update: 'through' | 'called-off' = 'through',
) {
  const create = steps.find((step) => step.op === 'guest-create');
  if (create?.op !== 'guest-create') throw new Error('no guest');
  const [guest, device] = [new GuestState(create.spec), new DeviceState(hardware.devices[0]!)];
  guest.here = true;
  guest.restored = update === 'through';
  guest.devicesBefore = [counts()];
  guest.now.stat = { devices: [counts(change)] } as GuestState['now']['stat'];
  device.retrieved = how === 'kept';
  device.guest = how === null ? null : { name: 's/g', reset: how === 'reopened' };
  const state = new RunState();
  state.devices.set('e', device);
  const { records, lost, wrong } = judgeDevicesOf({ state }, guest, update);
  return { carried: records[0]?.carried, lost, wrong, components: state.hardware.map(({ component }) => component) };
}

it.each([
  ['kept, and its transfers went on', { done: 9 }, 'kept', { carried: 'kept', lost: [], wrong: [], components: [] }],
  [
    'reopened, and found reset once',
    { done: 9, resets: 2, cut: 2 },
    'reopened',
    { carried: 'recreated', lost: [], wrong: [], components: [] },
  ],
  [
    'kept, and found reset',
    { done: 9, resets: 2 },
    'kept',
    {
      carried: 'kept',
      lost: [],
      wrong: ['it found e reset once, though its descriptor was kept'],
      components: ['vfio'],
    },
  ],
  [
    'reopened, and found reset several times',
    { done: 9, resets: 4 },
    'reopened',
    { carried: 'recreated', wrong: ['it found e reset 3 times'], components: [] },
  ],
  [
    'transfers that went wrong',
    { done: 9, wrong: 2 },
    'kept',
    { wrong: ['2 of its transfers through e brought back something else'] },
  ],
  [
    'a transfer that did not end, and none that did',
    { unended: 1 },
    'kept',
    { wrong: ['1 of its transfers through e did not end', 'none of its transfers through e came to an end since'] },
  ],
  ['no answer', { gone: 60 }, 'kept', { lost: ['e did not answer it at 60 ticks'], wrong: [] }],
  ['not given back', { gone: 60 }, null, { carried: 'lost', lost: ['it no longer has e'], wrong: [] }],
] as const)('%s', (_, change, how, wanted) => {
  expect(judged(change, how)).toMatchObject(wanted);
});

it('carries nothing in an update that was called off, and expects the guest to have its device', () => {
  expect(judged({ done: 9 }, 'reopened', 'called-off')).toEqual({ carried: null, lost: [], wrong: [], components: [] });
  expect(judged({}, null, 'called-off').lost).toEqual(['it no longer has e']);
});
