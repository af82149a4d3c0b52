// SPDX-License-Identifier: Apache-2.0
// The requests of a device check, and the state in which it leaves the device.
import { describe, expect, it } from 'vitest';
import type { DeviceInterrupts } from '../../../src/model/scenario/device.js';
import { checkDevice, transfer } from '../../../src/run/devices/check.js';
import { DeviceState } from '../../../src/run/state/device.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { ClientGone } from '../../../src/util/errors.js';
import { fakeAgents } from '../../fakes/parts.js';
import { deviceRun, type Options, PAGE, PHYS } from './device-run.js';

type Asked = [string, Record<string, string | number>];

async function asked(interrupts: DeviceInterrupts, data: Record<string, unknown>) {
  const text =
    'from: a\nto: b\niommu: intel\nsessions: [{name: s}]\n' +
    `devices: [{name: e, device: edu, at: "05.0", interrupts: "${interrupts}"}]\n`;
  const device = new DeviceState(parseScenario(text, 'x.yaml').hardware.devices[0]!);
  const calls: Asked[] = [];
  const agents = fakeAgents((op, args) => {
    calls.push([op, args]);
    return { data };
  });
  return { problem: await transfer({ agents }, device, 'to-device', { iova: 4096 }), args: calls[0]?.[1] };
}

it('expects an interrupt at the end of a transfer where interrupts are armed', async () => {
  expect(await asked('armed', { ended: true, irqs: 1 })).toMatchObject({
    problem: null,
    args: { direction: 'to-device', iova: 4096 },
  });
  expect((await asked('armed', { ended: true, irqs: 1 })).args).not.toHaveProperty('irq');
  expect((await asked('armed', { ended: true, irqs: 0 })).problem).toBe('DMA to-device ended without an interrupt');
});

it('neither arms nor expects an interrupt where interrupts are off', async () => {
  expect(await asked('off', { ended: true })).toMatchObject({ problem: null, args: { irq: 0 } });
  expect((await asked('off', { ended: false })).problem).toBe('DMA to-device did not end');
});

async function checked(options: Options = {}) {
  const run = deviceRun({ epoch: 1, ...options });
  const before = run.content();
  const reply = await checkDevice(run.parts, run.device);
  return { ...run, reply, before, problems: run.device.problems.map(({ what }) => what) };
}

/** The answer to one operation. */
const says = (name: string, data: Record<string, unknown>): Options => ({
  answer: (op) => (op === name ? { data } : null),
});

it('a sound device passes, is seen from outside, and leaves the memory as it was', async () => {
  const run = await checked();
  expect(run.reply.ok).toBe(true);
  expect(run.problems).toEqual([]);
  expect(run.moments()).toEqual(['use']);
  expect(run.content()).toEqual(run.before);
  expect(run.events[0]).toMatchObject({ oracle: 'device e', side: 'inside', ok: true, epoch: 1 });
  expect(run.events[0]).toMatchObject({ detail: 'identity, registers, interrupt, 1 mappings in both directions' });
  await checkDevice(run.parts, run.device);
  expect(run.ops().filter((op) => op === 'edu-set' || op === 'vfio-attach')).toEqual(['vfio-attach', 'edu-set']);
});

it('a device that cannot be attached fails the step, and nothing else is asked', async () => {
  const run = await checked({ answer: () => ({ ok: false, errno: 'EBUSY', at: 'ATTACH' }) });
  expect(run.reply).toMatchObject({ ok: false, errno: 'EBUSY' });
  expect([run.ops(), run.moments(), run.events]).toEqual([['vfio-attach'], [], []]);
});

it('another model is only identified', async () => {
  const data = { bytes: '361b1000' };
  const nvme = await checked({ device: 'device: nvme, size: 16MiB', ...says('vfio-config', data) });
  expect([nvme.problems, nvme.ops()]).toEqual([[], ['vfio-attach', 'vfio-config']]);
});

describe('the identity', () => {
  it.each([
    [{ bytes: '361b1000' }, 'configuration space begins with 361b1000, expected 3412e811'],
    [{ bytes: '\u001b[2J\n?x' }, 'configuration space begins with ??2????, expected 3412e811'],
    [{ bytes: 5 }, 'configuration space begins with , expected 3412e811'],
  ])('%j', async (data, problem) => {
    const run = await checked(says('vfio-config', data));
    expect(run.problems).toEqual([problem]);
    expect(run.events[0]).toMatchObject({ ok: false, detail: problem });
  });
});

describe('the registers', () => {
  const sound = { identification: '0x10000ed', liveness: '0xb3bebdde', factorial: '3628800', status: '0x80' };

  it('that were reset are named', async () => {
    const run = await checked(says('edu-state', { ...sound, liveness: '0xffffffff', factorial: 'x' }));
    expect(run.problems).toEqual([
      'register liveness is 0xffffffff, expected 0xb3bebdde',
      'register factorial is 0xNaN, expected 0x375f00',
    ]);
  });

  it('of a device that computes are read again, no longer than a request may take', async () => {
    let time = 0;
    const now = () => (time += 100);
    let busy = 3;
    const soon = await checked({
      now,
      answer: (op) => (op === 'edu-state' && busy-- > 0 ? { data: { ...sound, factorial: '1', status: '1' } } : null),
    });
    expect(soon.problems).toEqual([]);
    const never = await checked({ now, ...says('edu-state', { ...sound, factorial: '1', status: '1' }) });
    expect(never.problems).toEqual(['register factorial is 0x1, expected 0x375f00']);
    expect(never.ops().filter((op) => op === 'edu-state').length).toBeLessThan(12);
  });

  it('of a device that is gone read as all ones: nobody waits for it', async () => {
    const ones = Object.fromEntries(Object.keys(sound).map((key) => [key, '0xffffffff']));
    const run = await checked(says('edu-state', ones));
    expect(run.problems).toHaveLength(3);
    expect(run.ops().filter((op) => op === 'edu-state')).toHaveLength(1);
  });
});

describe('the interrupt', () => {
  it.each([0, 2])('that comes %i times is a problem', async (irqs) => {
    expect((await checked(says('vfio-irq', { irqs }))).problems).toEqual([`${irqs} interrupts came, expected 1`]);
  });

  it('is taken down again unless it stays armed', async () => {
    const asked = async (device: string) =>
      (await checked({ device })).calls.filter(([op]) => op === 'vfio-irq').map(([, args]) => args['disarm'] ?? 0);
    expect(await asked('device: edu, interrupts: armed')).toEqual([0]);
    expect(await asked('device: edu, interrupts: "off"')).toEqual([0, 1]);
  });

  it('counted by an agent that gives no number ends the client', async () => {
    await expect(checked(says('vfio-irq', { irqs: 'many' }))).rejects.toThrow(ClientGone);
  });
});

describe('the transfers of a mapping', () => {
  const TO = PHYS + 3 * PAGE + PAGE / 2;
  const place = 's/f at 0x100000';
  /** The device reads as it should; its writes end in `write`. */
  const writes = (write: () => ReturnType<NonNullable<Options['answer']>>): Options => ({
    answer: (op, args) => (op === 'edu-dma' && args['direction'] === 'from-device' ? write() : null),
  });

  it('that the agent only claims are found out, and the file is whole again', async () => {
    const run = await checked(writes(() => ({ data: { ended: true, irqs: 1 } })));
    expect(run.problems).toEqual([`${place}: the device's write did not arrive at 0x${TO.toString(16)}`]);
    expect(run.content()).toEqual(run.before);
  });

  it('that the agent only claims are found out in a file of zeroes, too', async () => {
    const run = deviceRun(writes(() => ({ data: { ended: true, irqs: 1 } })));
    run.memory.write(TO, new Uint8Array(PAGE / 2));
    await checkDevice(run.parts, run.device);
    expect(run.device.problems.map(({ what }) => what)).toEqual([
      `${place}: the device's write did not arrive at 0x${TO.toString(16)}`,
    ]);
  });

  it('that write something else are found out, and the file is whole again', async () => {
    const run = deviceRun({
      answer: (op, args, sound) => {
        if (op !== 'edu-dma' || args['direction'] !== 'from-device') return null;
        const answer = sound();
        run.memory.write(TO + 7, Uint8Array.of(1, 2, 3));
        return answer;
      },
    });
    const before = run.content();
    await checkDevice(run.parts, run.device);
    expect(run.device.problems).toEqual([
      { epoch: 0, what: `${place}: what the device wrote to 0x${TO.toString(16)} is not what it had read` },
    ]);
    expect(run.content()).toEqual(before);
  });

  it('during which the agent is lost leave the file whole', async () => {
    const run = deviceRun(
      writes(() => {
        throw new ClientGone('gone');
      }),
    );
    const before = run.content();
    await expect(checkDevice(run.parts, run.device)).rejects.toThrow('gone');
    expect(run.content()).toEqual(before);
  });

  it.each<[string, number, string[], ReturnType<NonNullable<Options['answer']>>]>([
    ['w', 0, [], null],
    ['r', 1, [], null],
    ['r', 1, ['DMA to-device failed: EIO (edu)'], { ok: false, errno: 'EIO', at: 'edu' }],
  ])('%s: %i asked for, problems %j', async (map, asked, problems, reply) => {
    const run = await checked({ map, answer: (op) => (op === 'edu-dma' ? reply : null) });
    expect(run.ops().filter((op) => op === 'edu-dma')).toHaveLength(asked);
    expect(run.problems).toEqual(problems.map((each) => `${place}: ${each}`));
    if (problems.length === 0)
      expect(run.events[0]).toMatchObject({ detail: expect.stringContaining(', 0 mappings in both') as string });
  });

  it('to pages that are unknown or no RAM prove nothing', async () => {
    const hidden = await checked(says('pfns', { runs: [] }));
    expect(hidden.problems).toEqual(['s/f: its pages are not known, so its mapping cannot be tried']);
    const behind = await checked(says('pfns', { runs: [[0, 2 ** 30, 4]] }));
    expect(behind.problems).toEqual([`${place}: no RAM at 0x40000003800`]);
  });
});
