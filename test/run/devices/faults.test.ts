// SPDX-License-Identifier: Apache-2.0
// Faults on devices: one place where it was done and shows, none where it was not possible.
import { describe, expect, it } from 'vitest';
import { damageTables, unplugDevice } from '../../../src/run/devices/faults.js';
import { deviceRun } from './device-run.js';

describe('unplugging', () => {
  const fault = { kind: 'unplug', device: 'e' } as const;

  it('counts once QEMU shows the device no more; it is seen before and after', async () => {
    const run = deviceRun({ behind: 'rp0' });
    run.device.address = '0000:01:00.0';
    run.control.command = async (name) => {
      run.control.commands.push(name);
      if (name === 'device_del') run.hardware.tree = [{ devices: [] }];
      return {};
    };
    expect(await unplugDevice(run.parts, fault)).toEqual({
      places: 1,
      detail: 'e at 0000:01:00.0: QEMU no longer shows it',
    });
    expect(run.device.looks.map(({ moment, view }) => [moment, view?.address ?? null])).toEqual([
      ['fault', '0000:01:00.0'],
      ['fault', null],
    ]);
  });

  it('is not done where QEMU shows it still', async () => {
    const { parts } = deviceRun({ behind: 'rp0' });
    expect(await unplugDevice(parts, fault)).toMatchObject({
      places: 0,
      detail: expect.stringContaining('QEMU still shows it') as string,
    });
  });

  it('leaves the machine alone if the scenario has no such device, or it is on the root bus', async () => {
    const run = deviceRun();
    expect(await unplugDevice(run.parts, { ...fault, device: 'x' })).toEqual({
      places: 0,
      detail: 'the scenario has no device x',
    });
    await expect(unplugDevice(run.parts, fault)).rejects.toThrow('on the root bus');
    expect(run.control.commands).toEqual([]);
  });
});

describe('damage of the tables', () => {
  const fault = { kind: 'iommu-table', device: 'e', damage: 'loop' } as const;

  it('is one changed word; the walk after it ends, reports it and is kept as damaged', async () => {
    const run = deviceRun({ epoch: 1 });
    run.hardware.translate(run.register);
    const before = run.content();
    const { places, detail } = await damageTables(run.parts, fault);
    expect(places).toBe(1);
    const [at, to] = [/ at (0x[0-9a-f]+):/, / to (0x[0-9a-f]+) at/].map((each) => each.exec(detail)?.[1] ?? '');
    expect(run.memory.readU64(Number(at))).toBe(BigInt(to!));
    expect(run.content()).toEqual(before);
    expect(run.device.tables).toMatchObject([
      { moment: 'fault', epoch: 1, damaged: true, maps: [{ file: 's/f' }], tables: { problems: [{ kind: 'loop' }] } },
    ]);
  });

  it('that leaves the tables well-formed says so', async () => {
    const run = deviceRun();
    run.hardware.translate(run.register);
    const { detail } = await damageTables(run.parts, { ...fault, damage: 'elsewhere' });
    expect(detail).toContain('the tables are well-formed');
    expect(run.device.tables[0]?.tables.mappings[0]?.phys).not.toBe(0x80_0000);
  });

  it.each<[string, (run: ReturnType<typeof deviceRun>) => void, string]>([
    ['translation is off', (run) => run.hardware.translate(run.register, 0n), 'the IOMMU does not translate'],
    ['the registers do not answer', () => undefined, 'the IOMMU does not translate'],
    [
      'the device is unknown',
      (run) => (run.hardware.translate(run.register), run.parts.state.devices.clear()),
      'no tables of e',
    ],
    [
      'nothing is mapped',
      (run) => (run.hardware.translate(run.register), (run.device.source = 0x88)),
      'e has no page tables that could be damaged',
    ],
    ['the root is outside the RAM', (run) => run.hardware.translate(0xf_ffff_f000n), 'could be damaged: '],
  ])('is not possible where %s: nothing is written', async (_, prepare, why) => {
    const run = deviceRun();
    prepare(run);
    const write = run.memory.write.bind(run.memory);
    const written: number[] = [];
    run.control.memory.write = (phys, from) => (written.push(phys), write(phys, from));
    const { places, detail } = await damageTables(run.parts, fault);
    expect(places).toBe(0);
    expect(detail).toContain(why);
    expect([written, run.device.tables]).toEqual([[], []]);
  });
});
