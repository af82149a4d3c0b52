// SPDX-License-Identifier: Apache-2.0
// device-check: checks a device from inside while it is in use. Transfers are proved from outside: after the device has
// read a piece of a mapped file, the lab clears it in physical memory, and the device must write it back.
import { type AgentReply, numberOf } from '../../guest/agent.js';
import { equalBytes } from '../../util/bytes.js';
import type { Needs } from '../engine/parts.js';
import { agentName, ask, attach } from './calls.js';
import { inspectDevices } from './inspect.js';
import type { DeviceState } from '../state/device.js';
import { mappedFile, PIECE, type Place, placesIn } from './file-places.js';
import { PASSED, type StepReply } from '../agent/reply.js';

/** Reads the complement of what was written (docs/specs/edu.txt); the second reads 10! after 10 was written. */
const LIVENESS = 0x4c41_4221;
const FACTORIAL = 10;
const FACTORIAL_VALUE = 3_628_800;
const EDU_ID = 0x0100_00ed;
/** The first bytes of configuration space, vendor and device, for each model of the lab. */
const IDS: Readonly<Record<DeviceState['spec']['model'], string>> = {
  edu: '3412e811',
  nvme: '361b1000',
  'virtio-net': 'f41a4110',
  'virtio-blk': 'f41a4210',
  ivshmem: 'f41a1011',
};

/** Notes problems with the device; the step itself fails only where the device cannot be attached. */
export async function checkDevice(
  parts: Needs<'plan' | 'recorder' | 'state' | 'deadlines' | 'agents' | 'view' | 'machine' | 'trace'>,
  device: DeviceState,
): Promise<StepReply> {
  const attached = await attach(parts, device);
  if (!attached.ok) return attached;
  const problems: string[] = [...identity(await ask(parts, 'vfio-config', { device: agentName(device) }), device)];
  // A device of a guest is used by that guest alone.
  const own = device.spec.model === 'edu' && !isGuests(parts, device);
  if (own) {
    problems.push(...(await registers(parts, device)), ...(await interrupt(parts, device)));
    for (const map of device.maps) problems.push(...(await transfers(parts, device, map)));
  }
  const bothWays = device.maps.filter(({ rights }) => rights === 'rw').length;
  const { epoch } = parts.recorder;
  device.problems.push(...problems.map((what) => ({ epoch, what })));
  parts.recorder.event({
    kind: 'oracle',
    oracle: `device ${device.spec.name}`,
    side: 'inside',
    ok: problems.length === 0,
    detail:
      problems.join('; ') || `identity${own ? `, registers, interrupt, ${bothWays} mappings in both directions` : ''}`,
  });
  await inspectDevices(parts, 'use', [device]);
  return PASSED;
}

function isGuests({ plan }: Needs<'plan'>, { spec: { name } }: DeviceState): boolean {
  return plan.scenario.steps.some((step) => step.op === 'guest-create' && step.spec.devices.includes(name));
}

function identity(reply: AgentReply, { spec }: DeviceState): string[] {
  if (!reply.ok) return [`its configuration space cannot be read: ${reply.errno} (${reply.at ?? ''})`];
  const bytes = reply.data['bytes'];
  const begins = typeof bytes === 'string' ? bytes.slice(0, 8).toLowerCase() : '';
  return begins === IDS[spec.model]
    ? []
    : [`configuration space begins with ${begins.replace(/[^0-9a-f]/g, '?')}, expected ${IDS[spec.model]}`];
}

/** The first check of a run writes two registers; they keep their values unless the device is reset. */
async function registers(parts: Needs<'recorder' | 'deadlines' | 'agents'>, device: DeviceState): Promise<string[]> {
  const name = agentName(device);
  const begun = parts.recorder.clock.now();
  if (device.wrote === null) {
    const reply = await ask(parts, 'edu-set', { device: name, liveness: LIVENESS, factorial: FACTORIAL });
    if (!reply.ok) return [`its registers cannot be written: ${reply.errno} (${reply.at ?? ''})`];
    device.wrote = { liveness: LIVENESS, factorial: FACTORIAL };
  }
  for (;;) {
    const reply = await ask(parts, 'edu-state', { device: name });
    if (!reply.ok) return [`its registers cannot be read: ${reply.errno} (${reply.at ?? ''})`];
    const value = (key: string) => Number(typeof reply.data[key] === 'string' ? reply.data[key] : Number.NaN);
    // The device computes the factorial on its own; bit 0 of the status is set while it does.
    // A missing device reads as all ones: there is nothing to wait for.
    if (
      value('identification') === EDU_ID &&
      (value('status') & 1) !== 0 &&
      parts.recorder.clock.now() - begun < parts.deadlines.request()
    )
      continue;
    const wanted: [string, number][] = [
      ['identification', EDU_ID],
      ['liveness', ~LIVENESS >>> 0],
      ['factorial', FACTORIAL_VALUE],
    ];
    return wanted
      .filter(([key, want]) => value(key) !== want)
      .map(([key, want]) => `register ${key} is 0x${value(key).toString(16)}, expected 0x${want.toString(16)}`);
  }
}

async function interrupt(parts: Needs<'agents'>, device: DeviceState): Promise<string[]> {
  const reply = await ask(parts, 'vfio-irq', { device: agentName(device) });
  if (!reply.ok) return [`its interrupt cannot be set up: ${reply.errno} (${reply.at ?? ''})`];
  const off =
    device.spec.interrupts === 'armed' ? reply : await ask(parts, 'vfio-irq', { device: agentName(device), disarm: 1 });
  if (!off.ok) return [`its interrupt cannot be taken down: ${off.errno} (${off.at ?? ''})`];
  return numberOf(reply, 'irqs') === 1 ? [] : [`${numberOf(reply, 'irqs')} interrupts came, expected 1`];
}

async function transfers(
  parts: Needs<'plan' | 'state' | 'agents' | 'machine'>,
  device: DeviceState,
  map: DeviceState['maps'][number],
): Promise<string[]> {
  const file = await mappedFile(parts, map);
  const places = file === null ? null : placesIn(map, file);
  if (places === null) return [`${map.file}: its pages are not known, so its mapping cannot be tried`];
  const of = (what: string) => `${map.file} at 0x${map.iova.toString(16)}: ${what}`;
  if (map.rights === 'w') return [];
  const { to } = places;
  const read = await transfer(parts, device, 'to-device', to);
  if (read !== null || map.rights === 'r') return read === null ? [] : [of(read)];
  return (await putBack(parts, device, to)).map(of);
}

/**
 * Inverts the piece of memory that the device has read, and lets the device write it back. Inverted content differs in
 * every byte, also where the file holds zeroes.
 */
async function putBack(parts: Needs<'agents' | 'machine'>, device: DeviceState, place: Place): Promise<string[]> {
  const { memory } = parts.machine;
  const was = new Uint8Array(PIECE);
  if (!memory.read(place.phys, was)) return [`no RAM at 0x${place.phys.toString(16)}`];
  const inverted = was.map((byte) => byte ^ 0xff);
  if (!memory.write(place.phys, inverted)) return [`no RAM at 0x${place.phys.toString(16)}`];
  const wrote = await transfer(parts, device, 'from-device', place).catch((error: unknown) => {
    memory.write(place.phys, was);
    throw error;
  });
  const now = new Uint8Array(PIECE);
  if (!memory.read(place.phys, now)) return [`no RAM at 0x${place.phys.toString(16)}`];
  if (equalBytes(now, was)) return wrote === null ? [] : [wrote];
  memory.write(place.phys, was);
  return [
    wrote ??
      (equalBytes(now, inverted)
        ? `the device's write did not arrive at 0x${place.phys.toString(16)}`
        : `what the device wrote to 0x${place.phys.toString(16)} is not what it had read`),
  ];
}

/** Runs one transfer; null where it ended as it should, otherwise the problem. */
export async function transfer(
  parts: Needs<'agents'>,
  device: DeviceState,
  direction: 'to-device' | 'from-device',
  { iova }: Pick<Place, 'iova'>,
): Promise<string | null> {
  const wanted = device.spec.interrupts === 'armed';
  const reply = await ask(parts, 'edu-dma', {
    device: agentName(device),
    direction,
    iova,
    offset: 0,
    length: PIECE,
    ...(wanted ? {} : { irq: 0 }),
  });
  if (!reply.ok) return `DMA ${direction} failed: ${reply.errno} (${reply.at ?? ''})`;
  if (reply.data['ended'] !== true) return `DMA ${direction} did not end`;
  return !wanted || numberOf(reply, 'irqs') >= 1 ? null : `DMA ${direction} ended without an interrupt`;
}
