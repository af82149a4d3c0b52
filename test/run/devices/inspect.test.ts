// SPDX-License-Identifier: Apache-2.0
// What QEMU shows of a device, and what becomes of a look that sees less.
import { describe, expect, it } from 'vitest';
import type { LookMoment } from '../../../src/model/kernel/pci.js';
import { findDevices, inspectDevices } from '../../../src/run/devices/inspect.js';
import { TraceLog } from '../../../src/run/devices/trace.js';
import { LabError } from '../../../src/util/errors.js';
import { SID } from '../../oracles/iommu/walk/tables.js';
import { BAR, deviceRun, eduConfig, IOVA, type Options, PHYS } from './device-run.js';

describe('the search for devices', () => {
  it('takes address, source id and PCI Express capability from QEMU', async () => {
    const root = deviceRun();
    const plain = eduConfig();
    plain[0x41] = 0;
    root.hardware.configs.set(SID, plain);
    root.device.source = 0;
    await findDevices(root.parts);
    expect(root.device).toMatchObject({ address: '0000:00:10.0', source: SID, express: null });
    const { parts, device } = deviceRun({ behind: 'rp0' });
    await findDevices(parts);
    expect(device).toMatchObject({ address: '0000:01:00.0', source: 0x100, express: 0x80 });
  });

  it('is a fault of the lab where QEMU lacks the device or configuration space', async () => {
    const missing = deviceRun();
    missing.hardware.tree = [];
    await expect(findDevices(missing.parts)).rejects.toThrow('QEMU does not show the device e');
    const unmapped = deviceRun();
    unmapped.hardware.mtree = '';
    await expect(findDevices(unmapped.parts)).rejects.toThrow(LabError);
  });
});

async function looked(moment: LookMoment, prepare: (run: ReturnType<typeof deviceRun>) => void, options?: Options) {
  const run = deviceRun({ epoch: 1, ...options });
  const trace = TraceLog.follow(run.parts.plan.scenario.hardware, '/nonexistent', run.parts.recorder);
  prepare(run);
  await inspectDevices({ ...run.parts, trace }, moment);
  trace?.stop();
  return { ...run, saw: trace?.registers, view: run.device.looks[0]?.view };
}
const on = (run: ReturnType<typeof deviceRun>) => run.hardware.translate(run.register);

describe('a look', () => {
  it('keeps and tells what it saw', async () => {
    const { view, device, events } = await looked('end', on);
    expect(view).toMatchObject({
      address: '0000:00:10.0',
      vendor: '1234',
      device: '11e8',
      memory: true,
      busMaster: true,
      bridge: null,
      interrupts: [{ kind: 'msi', enabled: true }],
      registers: { identification: '0x10000ed', liveness: '0xb3bebdde', factorial: '0x375f00', irqStatus: '0x0' },
    });
    expect(device.looks).toMatchObject([{ moment: 'end', epoch: 1 }]);
    expect(events).toMatchObject([
      { oracle: 'device e: end', side: 'outside', ok: true },
      { oracle: 'iommu: end', detail: expect.stringContaining('translation on, GSTS_REG 0x80000000') as string },
    ]);
  });

  it('sees the bridge in front of a device, and that a silent one forwards nothing', async () => {
    const sound = await looked('end', () => undefined, { behind: 'rp0' });
    expect(sound.view?.bridge).toEqual({ address: '0000:00:03.0', secondary: 1, busMaster: true });
    const silent = await looked('end', ({ hardware }) => hardware.configs.delete(0x18), { behind: 'rp0' });
    expect(silent.view?.bridge?.busMaster).toBe(false);
  });

  it.each<[string, (run: ReturnType<typeof deviceRun>) => void]>([
    ['QEMU no longer lists', ({ hardware }) => (hardware.tree = [{ devices: [] }])],
    ['answers no read of its configuration', ({ hardware }) => hardware.configs.clear()],
    ['is listed in a form that nobody knows', ({ hardware }) => (hardware.tree = 'none')],
  ])('finds that a device is not there that %s', async (_, prepare) => {
    const { device, events } = await looked('arrival', prepare);
    expect(device.looks).toMatchObject([{ moment: 'arrival', view: null }]);
    expect(events).toMatchObject([{ ok: false, detail: 'not there' }]);
  });

  it.each<[string, (run: ReturnType<typeof deviceRun>) => void]>([
    ['is not decoded', ({ hardware }) => hardware.configs.set(SID, eduConfig({ command: 4 }))],
    [
      'is at 0, where other memory answers',
      ({ hardware }) => {
        hardware.configs.set(SID, eduConfig({ bar: 0 }));
        for (const at of [0, 4, 8, 0x24]) hardware.registers.set(at, 1n);
      },
    ],
    ['does not answer for one register', ({ hardware }) => hardware.registers.delete(BAR + 8)],
  ])('reads no registers where the memory of a device %s', async (_, prepare) => {
    const { view, events } = await looked('end', prepare);
    expect(view).toMatchObject({ address: '0000:00:10.0', registers: null });
    expect(events[0]).toMatchObject({ ok: true });
  });

  it('does nothing where looks are off', async () => {
    const { device, hardware, events } = await looked('use', on, { plan: { deviceLooks: false } });
    expect([device.looks, hardware.asked, events]).toEqual([[], [], []]);
  });

  it('lists the address space of a machine only once', async () => {
    const { parts, hardware } = await looked('use', on);
    await inspectDevices(parts, 'end');
    expect(hardware.asked.filter((each) => each.startsWith('info mtree'))).toHaveLength(1);
  });
});

describe('the tables', () => {
  const held = { session: 's', token: 1 };
  it.each<[LookMoment, string, boolean, (run: ReturnType<typeof deviceRun>) => void]>([
    ['use', 'any device', true, on],
    ['kexec', 'a preserved device', true, (run) => (on(run), (run.device.preserved = held))],
    ['kexec', 'a device that stays behind', false, on],
    ['arrival', 'a device that LUO carried', true, (run) => (on(run), (run.device.carriedBy = held))],
    ['arrival', 'a device of this kernel', false, (run) => (on(run), (run.device.preserved = held))],
    ['end', 'a preserved device', false, (run) => (on(run), (run.device.preserved = held))],
    ['use', 'a device while nothing is translated', false, (run) => run.hardware.translate(run.register, 0n)],
    ['use', 'a device whose IOMMU does not answer', false, () => undefined],
  ])('at %s, of %s: walked %s', async (moment, _, isWalked, prepare) => {
    const { device } = await looked(moment, prepare);
    expect(device.tables.map((each) => each.moment)).toEqual(isWalked ? [moment] : []);
  });

  it('say where the device reaches, and their pages are kept for the next kernel alone', async () => {
    const use = (await looked('use', on)).device.tables[0]!;
    expect(use.tables.mappings).toMatchObject([{ iova: BigInt(IOVA), phys: PHYS, length: 4 * 4096 }]);
    expect(use).toMatchObject({ epoch: 1, damaged: false, maps: [{ file: 's/f' }] });
    expect(use.contents.size).toBe(0);
    const kexec = (await looked('kexec', (run) => (on(run), (run.device.preserved = held)))).device.tables[0]!;
    expect([...kexec.contents.keys()]).toEqual(kexec.tables.tables.map(({ phys }) => phys));
  });

  it.each<[string, boolean | null, (run: ReturnType<typeof deviceRun>) => void]>([
    ['on', true, on],
    ['off', false, (run) => run.hardware.translate(run.register, 0n)],
    ['unknown', null, () => undefined],
  ])('the trace learns that translation is %s by the registers', async (_, translating, prepare) => {
    expect((await looked('use', prepare)).saw).toMatchObject([{ translating }]);
  });
});
