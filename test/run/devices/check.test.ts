// SPDX-License-Identifier: Apache-2.0
// The requests of a device check, and the state in which it leaves the device.
import { expect, it } from 'vitest';
import type { DeviceInterrupts } from '../../../src/model/scenario/device.js';
import { transfer } from '../../../src/run/devices/check.js';
import { DeviceState } from '../../../src/run/state/device.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { fakeAgents } from '../../fakes/parts.js';

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
