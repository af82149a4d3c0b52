// SPDX-License-Identifier: Apache-2.0
// What the IOMMU's history and tables mean for the verdict on an update, and when they mean nothing.
import { describe, expect, it } from 'vitest';
import type { DeviceLevel } from '../../../../src/model/scenario/device.js';
import type { DeviceOfResult } from '../../../../src/model/result/hardware-result.js';
import type { DeviceTables, IommuEvent } from '../../../../src/oracles/iommu/index.js';
import { judgeIommu } from '../../../../src/run/devices/iommu/judge.js';
import { IommuRecord } from '../../../../src/run/devices/iommu/result.js';
import type { TraceLog } from '../../../../src/run/devices/trace.js';
import type { MachineLife } from '../../../../src/run/machine/ending.js';
import { DeviceState, type InFlight, type TablesLook } from '../../../../src/run/state/device.js';
import { RunState } from '../../../../src/run/state/run-state.js';
import { parseScenario } from '../../../../src/scenario/index.js';
import { FakeControl, fakePlan, fakeRecorder, FakeView } from '../../../fakes/parts.js';
import { FakeMemory } from '../../../qemu/fake-memory.js';
import { FakeRam, CR3, FIRST_PFN } from '../../../fakes/ram.js';

const PAGE = 4096;
/** The kexec began at this time of the run; the trace counts in microseconds. */
const KEXEC = 1000;

type Switch = readonly [kind: 'enable' | 'disable', ms: number];

function trace(switches: readonly Switch[], { unread = 0 } = {}) {
  const iommu = switches.map(([kind, t]) => ({
    t,
    epoch: 0,
    event: { kind, tMicros: t * 1000, count: 1, lastMicros: null, name: kind, detail: '' } satisfies IommuEvent,
  }));
  return Object.assign(Object.create(null) as TraceLog, {
    iommu,
    items: [],
    registers: [],
    read: { pci: 1, iommu: iommu.length },
    unread,
    unreadLine: unread > 0 ? 'nonsense' : null,
    dropped: 0,
    lostBytes: 0,
    switchesDropped: 0,
    look: () => undefined,
    seen: (all: number) => all,
    micros: (t: number) => t * 1000,
  });
}

function look(epoch: number, moment: TablesLook['moment'], pfn: number, more: Partial<TablesLook> = {}): TablesLook {
  const tables: DeviceTables = {
    iommu: 'intel',
    sourceId: 0x28,
    state: 'translated',
    mode: 'legacy',
    levels: 4,
    domain: 1,
    mappings: [{ iova: 0n, phys: pfn * PAGE, length: PAGE, rights: 'rw' }],
    tables: [],
    problems: [],
    problemCount: 0,
    complete: true,
  };
  return { moment, epoch, t: 0, tables, free: [], contents: new Map(), maps: [], damaged: false, ...more };
}

interface Case {
  switches?: readonly Switch[];
  unread?: number;
  carried?: DeviceOfResult['carried'];
  machine?: MachineLife;
  kind?: 'intel' | 'none';
  level?: DeviceLevel;
  /** Whether the kernel's array of pages can be found. */
  array?: 'found' | 'hidden';
  prepare?: (device: DeviceState, ram: FakeRam) => void;
}

const ON: Switch = ['enable', 1];

async function judged({
  switches = [ON],
  unread = 0,
  carried = 'kept',
  machine = 'runs',
  kind = 'intel',
  level = 'dma',
  array = 'found',
  prepare = () => undefined,
}: Case) {
  const scenario = parseScenario(
    'from: a\nto: b\niommu: intel\nsessions: [{name: s}]\ndevices: [{name: e, device: edu, at: "05.0"}]\n',
    'x.yaml',
  );
  scenario.hardware.iommu.kind = kind;
  const ram = new FakeRam();
  try {
    const device = new DeviceState(scenario.hardware.devices[0]!);
    device.everOpen = true;
    device.spec.level = level;
    prepare(device, ram);
    const state = new RunState();
    state.devices.set('e', device);
    const { recorder, events } = fakeRecorder(1);
    const registers = array === 'found' ? { cr3: BigInt(CR3), cr4: 0n, idtBase: 0n, idtLimit: 0 } : null;
    const record = new IommuRecord();
    const judgedDevice = { name: 'e', carried, level: 'dma' } as DeviceOfResult;
    await judgeIommu(
      {
        plan: fakePlan(scenario),
        recorder,
        state,
        view: new FakeView(ram.memory, [], registers),
        machine: Object.assign(new FakeControl(new FakeMemory(0)), { memory: ram.memory }),
        trace: trace(switches, { unread }),
      },
      record,
      { devices: [judgedDevice], kexecAt: KEXEC, machine },
    );
    return {
      record,
      reached: judgedDevice.level,
      hardware: state.hardware,
      ok: events.flatMap((event) => (event.kind === 'oracle' ? [event.ok] : [])),
      found: recorder.incidents.map(({ implies, title, detail }) => [implies, title, detail]),
      missing: recorder.witnesses.missing(),
    };
  } finally {
    ram.remove();
  }
}

describe('a gap in the translation', () => {
  const GAP: readonly Switch[] = [ON, ['disable', 1100], ['enable', 1102.5]];

  it('is corruption where LUO kept a device', async () => {
    const { found, record, hardware, ok } = await judged({ switches: GAP });
    expect(found).toEqual([
      ['corrupt', 'translation was off while a device was kept', 'e: DMA was not translated for 2.5 ms'],
    ]);
    expect(record.gaps).toEqual([{ epoch: 1, state: 'gap', ms: 2.5 }]);
    expect(hardware).toMatchObject([{ component: 'iommu', endsIn: 'reboot' }]);
    expect(ok).toEqual([false]);
  });

  it('is allowed below the level dma, and nobody kept more than the state', async () => {
    expect(await judged({ switches: GAP, level: 'state' })).toMatchObject({ found: [], ok: [true], reached: 'state' });
    expect((await judged({ switches: GAP })).reached).toBe('state');
    expect((await judged({})).reached).toBe('dma');
  });

  it.each([
    ['that never ended', [ON, ['disable', 1100]], 'DMA is not translated any more'],
    ['from before the kexec', [ON, ['disable', 900]], 'DMA was not translated before the kexec either'],
  ] as const)('%s is too', async (_, switches, text) => {
    expect((await judged({ switches })).found).toMatchObject([['corrupt', expect.anything(), `e: ${text}`]]);
  });

  it('is a number in the result where the device was opened again', async () => {
    const { found, record, ok } = await judged({ switches: GAP, carried: 'recreated' });
    expect([found, ok]).toEqual([[], [true]]);
    expect(record.gaps).toMatchObject([{ state: 'gap' }]);
  });

  it('proves nothing where the trace was not understood: the witness is blind instead', async () => {
    const { found, record, missing } = await judged({ switches: GAP, unread: 1 });
    expect(found).toEqual([]);
    expect(record.gaps).toMatchObject([{ state: 'gap' }]);
    expect(missing).toMatchObject([{ witness: 'iommu', epoch: 1 }]);
  });

  it('proves nothing where the machine has ended, or has no IOMMU', async () => {
    const ended = await judged({ switches: GAP, machine: 'ended', unread: 1 });
    expect([ended.found, ended.missing]).toEqual([[], []]);
    expect((await judged({ switches: GAP, kind: 'none' })).record.gaps).toEqual([]);
  });
});

describe('an iommufd that was handed over', () => {
  const carried = (how: 'kept' | 'lost') => (device: DeviceState) =>
    void Object.assign(device.iommufd, { carried: true, retrieved: how === 'kept' });

  it('and did not come back is lost', async () => {
    const { found, record, hardware } = await judged({ prepare: carried('lost') });
    expect(found).toEqual([['lost', 'an iommufd is lost', 'e: its iommufd did not come back']]);
    expect(record.descriptors).toEqual([{ device: 'e', epoch: 1, carried: 'lost' }]);
    expect(hardware).toMatchObject([{ detail: 'e: its iommufd did not come back' }]);
  });

  it('and came back is kept; after the end of the machine nothing is said to be lost', async () => {
    const kept = await judged({ prepare: carried('kept') });
    expect([kept.found, kept.record.descriptors]).toEqual([[], [{ device: 'e', epoch: 1, carried: 'kept' }]]);
    expect((await judged({ prepare: carried('lost'), machine: 'ended' })).found).toEqual([]);
  });
});

describe('the tables', () => {
  const moved = (device: DeviceState) => void device.tables.push(look(0, 'kexec', 300), look(1, 'use', 400));

  it('that lead elsewhere are corruption, and nothing after the end of the machine', async () => {
    const { found, record } = await judged({ prepare: moved });
    expect(found).toEqual([
      [
        'corrupt',
        'a device does not reach the memory that it was given',
        'e: IOVA 0x0 (4096 bytes) led to 0x12c000, leads to 0x190000',
      ],
    ]);
    expect(record.tables).toHaveLength(1);
    const ended = await judged({ prepare: moved, machine: 'ended' });
    expect([ended.found, ended.record.tables.length]).toEqual([[], 1]);
  });

  const marked = (device: DeviceState, ram: FakeRam) => {
    ram.mark(FIRST_PFN);
    ram.free(FIRST_PFN + 1);
    const contents = new Map([0, 1].map((i) => [(FIRST_PFN + i) * PAGE, 'digest']));
    device.tables.push(look(0, 'kexec', 300, { contents }), look(1, 'use', 300));
  };

  it('whose pages are still marked have leaked', async () => {
    const { found, missing } = await judged({ prepare: marked });
    expect(found).toEqual([
      [
        'leak',
        "pages of an IOMMU's tables leaked",
        'e: nobody gave back 1 of the 2 pages that its tables were handed over in',
      ],
    ]);
    expect(missing).toEqual([]);
  });

  it('whose pages nobody can see make the witness blind: no leak is no proof', async () => {
    const { found, missing } = await judged({ prepare: marked, array: 'hidden' });
    expect(found).toEqual([]);
    expect(missing).toMatchObject([
      { witness: 'iommu', epoch: 1, why: expect.stringContaining("the kernel's array of pages was not found") },
    ]);
  });
});

it('the bytes that strayed in this update are listed, and those of another update are not', async () => {
  const transfer = (epoch: number, phys: number) =>
    ({ epoch, iova: 0x10_0000, strays: { strays: [{ phys, length: 16 }] } }) as InFlight;
  const { record } = await judged({
    prepare: ({ transfers }) => void transfers.push(transfer(0, 0x4000), transfer(1, 0x5000)),
  });
  expect(record.strays).toEqual([{ device: 'e', iova: '0x100000', phys: '0x4000', bytes: 16 }]);
});
