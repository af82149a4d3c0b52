// SPDX-License-Identifier: Apache-2.0
// How a transfer ended that was under way at the kexec: judged by memory, whatever the agent says.
import { expect, it } from 'vitest';
import { PIECE } from '../../../src/run/devices/file-places.js';
import {
  beginTransfer,
  flightText,
  followTransfers,
  prepareTransfer,
  settleTransfers,
} from '../../../src/run/devices/transfers.js';
import { deviceRun, IOVA, PAGE, PHYS } from './device-run.js';

const TO = 3 * PAGE + PAGE / 2;

async function begun(map = 'rw') {
  const run = deviceRun({ map });
  const reply = await beginTransfer(run.parts, run.device);
  return { ...run, reply, before: run.content(), flight: run.device.transfers[0]! };
}

it('begins with the first piece in the device, and aims at the last', async () => {
  const { reply, calls, flight, pattern } = await begun();
  expect(reply.ok).toBe(true);
  expect(calls.slice(-2)).toEqual([
    ['edu-dma', { device: 'dev:e', direction: 'to-device', iova: IOVA, offset: 0, length: PIECE }],
    ['edu-start', { device: 'dev:e', direction: 'from-device', iova: IOVA + TO, offset: 0, length: PIECE }],
  ]);
  expect(flight).toMatchObject({ iova: IOVA + TO, phys: PHYS + TO, length: PIECE, fate: null });
  expect(flight.content).toEqual(pattern.page(0).subarray(0, PIECE));
  expect(flight.before).toEqual(pattern.page(3).subarray(PAGE / 2, PAGE / 2 + PIECE));
});

it('landed: the file gets its own content back', async () => {
  const { parts, memory, flight, before, content, events } = await begun();
  memory.write(flight.phys, flight.content);
  followTransfers(parts);
  expect(flight.fate).toBe('landed');
  expect(content()).toEqual(before);
  expect(events).toMatchObject([{ oracle: 'DMA in flight of e', side: 'outside', ok: true }]);
});

it('blocked: nothing changed', async () => {
  const { parts, flight, events } = await begun();
  followTransfers(parts);
  expect(flight.fate).toBe('blocked');
  expect(events).toMatchObject([{ ok: true }]);
});

it('strayed: it is where physical address and IOVA are equal, and that stays as evidence', async () => {
  const { parts, memory, flight, events } = await begun();
  memory.write(IOVA + TO, flight.content);
  followTransfers(parts);
  expect(flight).toMatchObject({ fate: 'strayed', strays: { bytes: PIECE } });
  expect(events).toMatchObject([{ ok: false }]);
  expect(flightText(flight)).toContain('written to 0x103800 (2040 bytes) instead');
  const there = new Uint8Array(PIECE);
  memory.read(IOVA + TO, there);
  expect(there).toEqual(flight.content);
});

it('partly: half of the content is neither landed nor blocked, and is left to the oracles', async () => {
  const { parts, memory, flight, before, content, events } = await begun();
  memory.write(flight.phys, flight.content.subarray(0, PIECE / 2));
  followTransfers(parts);
  expect(flight.fate).toBe('partly');
  expect(events).toMatchObject([{ ok: false }]);
  expect(content()).not.toEqual(before);
});

it('is judged once: what happens to the memory later does not change it', async () => {
  const { parts, memory, flight, events } = await begun();
  followTransfers(parts);
  memory.write(flight.phys, flight.content);
  followTransfers(parts);
  expect(flight.fate).toBe('blocked');
  expect(events).toHaveLength(1);
});

it('after a refused kexec the lab waits only for a device that is open and has one under way', async () => {
  const first = await begun();
  await settleTransfers(first.parts);
  expect(first.ops().at(-1)).toBe('edu-wait');
  const asked = first.calls.length;
  await settleTransfers(first.parts);
  expect(first.calls).toHaveLength(asked);
  const closed = await begun();
  closed.device.closed();
  await settleTransfers(closed.parts);
  expect(closed.ops()).not.toContain('edu-wait');
  expect(closed.flight.fate).toBe('blocked');
});

it('nothing starts without a mapping in both directions, or if the device cannot read', async () => {
  const oneWay = await begun('r');
  expect(oneWay.reply).toMatchObject({ ok: false, at: 'nothing is mapped that a transfer could go from and to' });
  const deaf = deviceRun({ answer: (op) => (op === 'edu-dma' ? { data: { ended: false } } : null) });
  expect(await prepareTransfer(deaf.parts, deaf.device)).toMatchObject({ ok: false, at: 'DMA to-device did not end' });
  const refused = deviceRun({ answer: (op) => (op === 'edu-start' ? { ok: false, errno: 'EIO' } : null) });
  expect(await beginTransfer(refused.parts, refused.device)).toMatchObject({ ok: false, errno: 'EIO' });
  for (const { device } of [oneWay, deaf, refused]) expect(device.transfers).toEqual([]);
});
