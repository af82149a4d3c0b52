// SPDX-License-Identifier: Apache-2.0
// A descriptor that LUO gave back is kept only once it can be used. Also: the requests of each step, and which steps
// make none.
import { describe, expect, it } from 'vitest';
import { type DeviceAction, isDeviceAction } from '../../../src/model/scenario/device.js';
import { LEFT_OUT } from '../../../src/run/agent/reply.js';
import { deviceStep } from '../../../src/run/devices/steps.js';
import { DeviceState } from '../../../src/run/state/device.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { LabError } from '../../../src/util/errors.js';
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

describe('a step', () => {
  const MAP: DeviceAction = {
    op: 'device-map',
    device: 'e',
    map: { file: 's/f', iova: 0x10_0000, rights: 'r' },
    optional: false,
  };
  type OfSession = 'device-preserve' | 'iommu-preserve' | 'device-retrieve' | 'iommu-retrieve';
  const ofSession = (op: OfSession, need: 'optional' | 'needed'): DeviceAction => ({
    op,
    device: 'e',
    session: 's',
    token: 2,
    optional: need === 'optional',
  });

  interface Case {
    device?: Partial<DeviceState>;
    refused?: Record<string, string>;
    errno?: string | null;
  }

  /** Executes one step on a device that is open, and lists the requests. */
  async function run(action: DeviceAction, { device: known = {}, refused = {}, errno = null }: Case = {}) {
    const device = Object.assign(new DeviceState(scenario.hardware.devices[0]!), { open: true, ...known });
    const state = new RunState();
    state.devices.set('e', device);
    const { recorder } = fakeRecorder(1);
    const memory = new FakeMemory(1 << 20);
    const asked: string[] = [];
    const requests: Record<string, unknown>[] = [];
    const parts = {
      plan: fakePlan(scenario),
      recorder,
      state,
      deadlines: new Deadlines(null),
      agents: fakeAgents((op, args) => {
        asked.push(op);
        requests.push(args);
        return refused[op] === undefined ? {} : { ok: false, errno: refused[op], at: 'CALL' };
      }),
      view: new FakeView(memory),
      machine: new FakeControl(memory),
      trace: null,
    };
    const result = await deviceStep(parts, { ...action, errno });
    return { device, asked, requests, result, state, incidents: recorder.incidents };
  }

  it.each<[string, DeviceAction, Partial<DeviceState>]>([
    ['a mapping of a closed device', MAP, { open: false }],
    ['a preserve of a closed device', ofSession('device-preserve', 'needed'), { open: false }],
    ['a preserve of a closed iommufd', ofSession('iommu-preserve', 'needed'), { open: false }],
    ['a check of a closed device', { op: 'device-check', device: 'e' }, { open: false }],
    ['a transfer of a closed device', { op: 'device-dma', device: 'e' }, { open: false }],
    ['an optional open of one that came back', { op: 'device-open', device: 'e', optional: true }, { retrieved: true }],
    [
      'an optional close of one that is preserved',
      { op: 'device-close', device: 'e', optional: true },
      { preserved: { session: 's', token: 2 } },
    ],
    ['an optional retrieve of one that nobody carried', ofSession('device-retrieve', 'optional'), { carriedBy: null }],
    ['an optional retrieve of an iommufd that nobody carried', ofSession('iommu-retrieve', 'optional'), {}],
  ])('is left out without a request: %s', async (_, action, device) => {
    const { asked, result } = await run(action, { device });
    expect([asked, result]).toEqual([[], LEFT_OUT]);
  });

  it('on a device that the scenario does not have is a failure of the lab', async () => {
    await expect(run({ op: 'device-close', device: 'x', optional: false })).rejects.toThrow(LabError);
  });

  it('attaches a device before it is preserved, once', async () => {
    const { asked, device } = await run(ofSession('device-preserve', 'needed'));
    expect(asked).toEqual(['vfio-attach', 'preserve']);
    expect(device.preserved).toEqual({ session: 's', token: 2 });
    expect((await run(ofSession('iommu-preserve', 'needed'), { device: { attached: true } })).asked).toEqual([
      'preserve',
    ]);
  });

  it('preserves nothing that cannot be attached', async () => {
    const { asked, device, result } = await run(ofSession('device-preserve', 'optional'), {
      refused: { 'vfio-attach': 'EINVAL' },
    });
    expect([asked, result.errno, device.preserved]).toEqual([['vfio-attach'], 'EINVAL', null]);
  });

  describe.each([
    ['device-preserve', 'vfio', 'descriptor'],
    ['iommu-preserve', 'iommu', 'iommufd'],
  ] as const)('%s', (op, component, what) => {
    const missing = { refused: { preserve: 'ENOENT' } };

    it('without a handler in the kernel is reported, and is a mismatch', async () => {
      const { result, state, incidents, device } = await run(ofSession(op, 'needed'), missing);
      expect(result).toMatchObject({ ok: false, errno: 'ENOENT' });
      expect(incidents).toMatchObject([
        { implies: null, title: `the kernel has no handler for a device's ${what}`, epoch: 1 },
      ]);
      expect(state.hardware).toMatchObject([{ component, endsIn: 'reboot' }]);
      expect([device.preserved, device.iommufd.preserved]).toEqual([null, false]);
    });

    it('is no mismatch where it is optional, or the scenario expects that', async () => {
      const optional = await run(ofSession(op, 'optional'), missing);
      expect([optional.result, optional.state.hardware, optional.incidents.length]).toEqual([LEFT_OUT, [], 1]);
      const expected = await run(ofSession(op, 'needed'), { ...missing, errno: 'ENOENT' });
      expect([expected.result.errno, expected.state.hardware]).toEqual(['ENOENT', []]);
    });

    it('that fails otherwise fails, optional or not', async () => {
      const { result, state, incidents } = await run(ofSession(op, 'optional'), { refused: { preserve: 'EBUSY' } });
      expect([result.errno, state.hardware, incidents]).toEqual(['EBUSY', [], []]);
    });
  });

  it('maps with the rights of the scenario; a refusal that it expects leaves a carried device usable', async () => {
    const carried = { carriedBy: { session: 's', token: 2 } };
    const mapped = await run(MAP);
    expect(mapped.requests).toEqual([{ device: 'dev:e', file: 's/f', iova: 0x10_0000, rights: 'r' }]);
    expect(mapped.device.maps).toHaveLength(1);
    const refused = { 'vfio-map': 'ENOMEM' };
    const declared = await run(MAP, { device: carried, refused, errno: 'ENOMEM' });
    expect([declared.device.maps, declared.device.unusable]).toEqual([[], []]);
    expect((await run(MAP, { device: carried, refused })).device.unusable).toEqual([1]);
  });

  it('gives a device to vfio-pci before it retrieves it; no driver hides the answer of LUO', async () => {
    const retrieve = ofSession('device-retrieve', 'needed');
    const back = await run(retrieve);
    expect(back.asked).toEqual(['vfio-bind', 'retrieve', 'vfio-open']);
    const { asked, result } = await run(retrieve, { refused: { 'vfio-bind': 'EIO', retrieve: 'ENODEV' } });
    expect(asked).toEqual(['vfio-bind', 'retrieve']);
    expect(result.errno).toBe('ENODEV');
  });

  it('closes a device only where the agent did', async () => {
    const close: DeviceAction = { op: 'device-close', device: 'e', optional: false };
    expect((await run(close)).device.open).toBe(false);
    expect((await run(close, { refused: { 'vfio-close': 'EIO' } })).device.open).toBe(true);
  });

  it('notes whether the iommufd came back', async () => {
    const device = { iommufd: { preserved: false, carried: true, retrieved: false } };
    const back = await run(ofSession('iommu-retrieve', 'optional'), { device });
    expect(back.requests).toEqual([{ session: 's', token: 2, file: 'iommu:e' }]);
    expect(back.device.iommufd.retrieved).toBe(true);
    const lost = await run(ofSession('iommu-retrieve', 'optional'), {
      device: { iommufd: { preserved: false, carried: true, retrieved: false } },
      refused: { retrieve: 'ENOENT' },
    });
    expect(lost.device.iommufd.retrieved).toBe(false);
  });
});
