// SPDX-License-Identifier: Apache-2.0
// A descriptor that LUO gave back is kept only once it can be used.
import { expect, it } from 'vitest';
import { isDeviceAction } from '../../../src/model/scenario/device.js';
import { deviceStep } from '../../../src/run/devices/steps.js';
import { DeviceState } from '../../../src/run/state/device.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { FakeControl, fakeAgents, fakePlan, fakeRecorder, FakeView } from '../../fakes/parts.js';
import { FakeMemory } from '../../qemu/fake-memory.js';

const scenario = parseScenario(
  'from: a\nto: b\niommu: intel\nsessions: [{name: s, files: [{name: f, memfd: 1MiB}]}]\n' +
    'devices: [{name: e, device: edu, at: "05.0", preserve: required, session: s, ' +
    'map: [{file: s/f, iova: 0x100000}]}]\n',
  'x.yaml',
);

/** The agent refuses one call with an errno; `at` is what it says of it. */
async function after(refused: string | null, errno: string, at: string) {
  const device = new DeviceState(scenario.hardware.devices[0]!);
  device.carriedBy = { session: 's', token: 2 };
  const state = new RunState();
  state.devices.set('e', device);
  const { recorder } = fakeRecorder(1);
  const memory = new FakeMemory(1 << 20);
  const parts = {
    plan: fakePlan(scenario),
    recorder,
    state,
    deadlines: new Deadlines(null),
    agents: fakeAgents((op) => (op === refused ? { ok: false, errno, at } : {})),
    view: new FakeView(memory),
    machine: new FakeControl(memory),
    trace: null,
  };
  const step = (op: 'device-retrieve' | 'device-map') => {
    const found = scenario.steps.find((each) => each.op === op && each.epoch === 1);
    if (found === undefined || !isDeviceAction(found)) throw new Error(`no ${op}`);
    return found;
  };
  const retrieved = await deviceStep(parts, step('device-retrieve'));
  const mapped = retrieved.ok ? await deviceStep(parts, step('device-map')) : null;
  return { device, retrieved, mapped };
}

it('bound and mapped, it is kept', async () => {
  const { device, retrieved, mapped } = await after(null, '', '');
  expect([retrieved.ok, mapped?.ok]).toEqual([true, true]);
  expect(device).toMatchObject({ retrieved: true, unusable: [], problems: [], open: true });
});

it('one that cannot be bound is not, and the step says which call failed', async () => {
  const { device, retrieved } = await after('vfio-open', 'EPERM', 'VFIO_DEVICE_BIND_IOMMUFD');
  expect(retrieved).toMatchObject({
    ok: false,
    errno: 'EPERM',
    at: 'RETRIEVE_FD passed; then VFIO_DEVICE_BIND_IOMMUFD',
  });
  expect(device).toMatchObject({ retrieved: false, unusable: [1], open: false });
  expect(device.problems).toEqual([
    { epoch: 1, what: 'its descriptor came back and cannot be used: VFIO_DEVICE_BIND_IOMMUFD: EPERM' },
  ]);
});

it('one that reaches no memory is not either', async () => {
  const { device, mapped } = await after('vfio-map', 'ENOMEM', 'IOMMU_IOAS_MAP_FILE');
  expect(mapped?.ok).toBe(false);
  expect(device).toMatchObject({
    unusable: [1],
    problems: [{ epoch: 1, what: 's/f cannot be mapped: IOMMU_IOAS_MAP_FILE: ENOMEM' }],
  });
});

it('one that LUO does not give back has nothing to be used', async () => {
  const { device, retrieved } = await after('retrieve', 'ENOENT', 'RETRIEVE_FD');
  expect(retrieved.errno).toBe('ENOENT');
  expect(device).toMatchObject({ retrieved: false, unusable: [], problems: [] });
});
