// SPDX-License-Identifier: Apache-2.0
// Finds out from QEMU's trace what was done to a device: writes to its configuration space and to that of its bridge
// (trace event pci_cfg_write, hw/pci/trace-events, QEMU 7.2).

/** One trace event; `t` is milliseconds since the start of the run. */
export interface TraceItem {
  t: number;
  epoch: number;
  event: string;
  text: string;
}

export interface PciEvent {
  t: number;
  epoch: number;
  what: 'bus mastering on' | 'bus mastering off' | 'memory on' | 'memory off' | 'reset';
  detail: string;
}

export interface DeviceInTrace {
  /** As QEMU prints it: `00:05.0` is device `05.0` on bus `00`. */
  address: string;
  bridge: string | null;
  /** Offset of the PCI Express capability; null if there is none. */
  express: number | null;
}

const WRITE = /^\S{1,60} ([0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) @0x([0-9a-f]{1,4}) <- 0x([0-9a-f]{1,8})$/;
const COMMAND = 0x04;
const BRIDGE_CONTROL = 0x3e;
/** A write of 4 bytes here reaches the bridge control register in its upper half. */
const BRIDGE_LINE = 0x3c;
const SECONDARY_RESET = 0x40;
/** In the PCI Express capability: Device Control, and its bit Initiate Function Level Reset. */
const DEVICE_CONTROL = 8;
const INITIATE_FLR = 0x8000;
const MAX_EVENTS = 400;

/** A write to configuration space, as QEMU traces it. */
export interface ConfigWrite {
  address: string;
  offset: number;
  value: number;
}

/** Returns null if QEMU does not write such a text. */
export function parseConfigWrite(text: string): ConfigWrite | null {
  const [, address, at = '', digits = ''] = WRITE.exec(text) ?? [];
  return address === undefined ? null : { address, offset: parseInt(at, 16), value: parseInt(digits, 16) };
}

/**
 * Can a write concern resets, bus mastering or memory decoding? An `order` acts each time, a `switch` only if it
 * changes.
 */
export function meaningOf({ offset, value }: Pick<ConfigWrite, 'offset' | 'value'>): 'order' | 'switch' | null {
  if (offset === COMMAND || offset === BRIDGE_CONTROL || offset === BRIDGE_LINE) return 'switch';
  return (value & INITIATE_FLR) !== 0 || ((offset & 1) === 1 && (value & (INITIATE_FLR >> 8)) !== 0) ? 'order' : null;
}

/**
 * Lists the events of one device in order, at most MAX_EVENTS.
 * @param from first millisecond of the run that counts
 * @param until last millisecond that counts
 */
export function pciEvents(items: readonly TraceItem[], device: DeviceInTrace, from = 0, until = Infinity): PciEvent[] {
  const found: PciEvent[] = [];
  let master: boolean | null = null;
  let memory: boolean | null = null;
  let busReset = false;
  for (const { t, epoch, event, text } of items) {
    const add = (what: PciEvent['what'], detail = '') => {
      if (t >= from && t <= until && found.length < MAX_EVENTS) found.push({ t, epoch, what, detail });
    };
    if (event !== 'pci_cfg_write') continue;
    const write = parseConfigWrite(text);
    if (write === null) continue;
    const { address, offset, value } = write;
    if (address === device.address && offset === COMMAND) {
      const wasMaster: boolean | null = master;
      const wasMemory: boolean | null = memory;
      master = (value & 4) !== 0;
      memory = (value & 2) !== 0;
      if (wasMaster !== null && wasMaster !== master) add(master ? 'bus mastering on' : 'bus mastering off');
      if (wasMemory !== null && wasMemory !== memory) add(memory ? 'memory on' : 'memory off');
    } else if (address === device.address && device.express !== null && isFlr(device.express, write)) {
      add('reset', 'function level reset');
    } else if (address === device.bridge && (offset === BRIDGE_CONTROL || (offset === BRIDGE_LINE && value > 0xffff))) {
      const on = ((offset === BRIDGE_LINE ? value >>> 16 : value) & SECONDARY_RESET) !== 0;
      if (on && !busReset) add('reset', `reset of the bus behind ${address}`);
      busReset = on;
    }
  }
  return found;
}

/** Is this a write that starts a function level reset? The register has 2 bytes; its upper one may be written alone. */
function isFlr(express: number, { offset, value }: ConfigWrite): boolean {
  const control = express + DEVICE_CONTROL;
  return (
    (offset === control && (value & INITIATE_FLR) !== 0) ||
    (offset === control + 1 && (value & (INITIATE_FLR >> 8)) !== 0)
  );
}
