// SPDX-License-Identifier: Apache-2.0
// DMA in flight: follows a transfer that began right before the kexec. It landed in the right place, it was blocked, or
// it went to another place, such as the physical address that equals its IOVA.
import { findStrays, takeSnapshot } from '../../oracles/iommu/index.js';
import { equalBytes } from '../../util/bytes.js';
import type { Needs } from '../engine/parts.js';
import { agentName, ask, attach } from './calls.js';
import { transfer } from './check.js';
import type { DeviceState, InFlight } from '../state/device.js';
import { reader } from '../machine/view.js';
import { mappedFile, PIECE, placesIn } from './file-places.js';
import type { StepReply } from '../agent/reply.js';

/** A prepared transfer; `start` begins it. */
export interface ReadyTransfer {
  start: () => Promise<StepReply>;
}

/** Prepares a transfer of the beginning of a file over its end: content that was not there before. */
export async function prepareTransfer(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>,
  device: DeviceState,
): Promise<ReadyTransfer | StepReply> {
  const attached = await attach(parts, device);
  if (!attached.ok) return attached;
  const map = device.maps.find(({ rights }) => rights === 'rw');
  const file = map === undefined ? null : await mappedFile(parts, map);
  const places = map === undefined || file === null ? null : placesIn(map, file);
  if (places === null)
    return { ok: false, errno: 'EFAIL', at: 'nothing is mapped that a transfer could go from and to' };
  const { from, to } = places;
  const wrong = await transfer(parts, device, 'to-device', from);
  if (wrong !== null) return { ok: false, errno: 'EFAIL', at: wrong };
  const before = new Uint8Array(PIECE);
  const read = reader(parts.view);
  if (!read(to.phys, before)) return { ok: false, errno: 'EFAIL', at: `no RAM at 0x${to.phys.toString(16)}` };
  return {
    start: () =>
      start(parts, device, {
        iova: to.iova,
        phys: to.phys,
        content: from.content,
        before,
        snapshot: takeSnapshot(read, [{ iova: to.iova, content: from.content }]),
      }),
  };
}

async function start(
  parts: Needs<'recorder' | 'agents'>,
  device: DeviceState,
  known: Pick<InFlight, 'iova' | 'phys' | 'content' | 'before' | 'snapshot'>,
): Promise<StepReply> {
  const { epoch, clock } = parts.recorder;
  const reply = await ask(parts, 'edu-start', {
    device: agentName(device),
    direction: 'from-device',
    iova: known.iova,
    offset: 0,
    length: PIECE,
  });
  if (reply.ok) device.transfers.push({ ...known, length: PIECE, epoch, began: clock.now(), fate: null, strays: null });
  return reply;
}

/** Begins a transfer as a step of its own, before the kexec. */
export async function beginTransfer(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>,
  device: DeviceState,
): Promise<StepReply> {
  const ready = await prepareTransfer(parts, device);
  return 'start' in ready ? ready.start() : ready;
}

/** After a refused kexec, devices run on: waits for each transfer and restores the content that it overwrote. */
export async function settleTransfers(
  parts: Needs<'recorder' | 'state' | 'agents' | 'view' | 'machine'>,
): Promise<void> {
  for (const device of parts.state.devices.values()) {
    if (device.open && device.transfers.some(({ fate }) => fate === null))
      await ask(parts, 'edu-wait', { device: agentName(device) });
  }
  followTransfers(parts);
}

/**
 * Finds out how each transfer ended, once the next kernel is up or the machine has ended. Restores the content that a
 * transfer overwrote.
 */
export function followTransfers(parts: Needs<'recorder' | 'state' | 'view' | 'machine'>): void {
  const { view, machine, recorder, state } = parts;
  const read = reader(view);
  for (const device of state.devices.values()) {
    for (const flight of device.transfers) {
      if (flight.fate !== null) continue;
      const now = new Uint8Array(flight.length);
      const there = read(flight.phys, now);
      flight.strays = findStrays(read, flight.snapshot, [{ phys: flight.phys, length: flight.length }]);
      const landed = there && equalBytes(now, flight.content);
      flight.fate = landed
        ? 'landed'
        : flight.strays.bytes > 0
          ? 'strayed'
          : there && equalBytes(now, flight.before)
            ? 'blocked'
            : 'partly';
      if (landed) machine.memory.write(flight.phys, flight.before);
      recorder.event({
        kind: 'oracle',
        oracle: `DMA in flight of ${device.spec.name}`,
        side: 'outside',
        ok: flight.fate === 'landed' || flight.fate === 'blocked',
        detail: flightText(flight),
      });
    }
  }
}

export function flightText({ fate, iova, phys, length, strays }: InFlight): string {
  const places = (strays?.strays ?? [])
    .slice(0, 4)
    .map((each) => `0x${each.phys.toString(16)} (${each.length} bytes)`)
    .join(', ');
  const goal = `${length} bytes to IOVA 0x${iova.toString(16)}, which is 0x${phys.toString(16)}`;
  switch (fate) {
    case 'landed':
      return `${goal}: landed`;
    case 'early':
      return `${goal}: landed before anything could block it`;
    case 'blocked':
      return `${goal}: blocked, nothing was written there`;
    case 'strayed':
      return `${goal}: written to ${places} instead`;
    case 'partly':
      return `${goal}: something else is there now`;
    case null:
      return `${goal}: not inspected`;
  }
}
