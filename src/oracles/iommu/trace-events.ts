// SPDX-License-Identifier: Apache-2.0
// The meaning of QEMU's trace events for IOMMUs (hw/i386/trace-events and hw/virtio/trace-events of QEMU 7.2 to 11.1).
// src/qemu/features/table.ts lists those that QEMU is asked for.
import { printable } from '../../util/text/escape.js';
import type { TableRoot } from './walk/device.js';
import type { TraceLine } from '../../util/text/trace-line.js';

/**
 * - `enable`, `disable`: translation of DMA. `ir-enable`, `ir-disable`: of interrupts.
 * - `root`: the address of the tables was set. `command`: VT-d's global command register was written.
 * - `fault`: a request of a device was blocked. `invalidate`: cached entries were dropped. `error`: the tables or the
 * queue are damaged.
 */
export type IommuEventKind =
  'enable' | 'disable' | 'ir-enable' | 'ir-disable' | 'root' | 'command' | 'fault' | 'invalidate' | 'error';

export interface IommuFault {
  /** PCI source id, bus << 8 | devfn; null if the event does not contain it. */
  sourceId: number | null;
  /** VT-d only: the fault reason (specification, chapter 7.1.3). */
  reason: number | null;
  iova: bigint;
  /** null if the event does not tell. */
  write: boolean | null;
}

export interface IommuEvent {
  kind: IommuEventKind;
  /** Microseconds since 1970 on the host's clock; null without a timestamp. */
  tMicros: number | null;
  /** Number of consecutive events (invalidations), and the time of the last one. */
  count: number;
  lastMicros: number | null;
  /** Name of QEMU's event, and its text made printable. */
  name: string;
  detail: string;
  root?: TableRoot;
  fault?: IommuFault;
}

type Made = Pick<IommuEvent, 'kind'> & Partial<Pick<IommuEvent, 'root' | 'fault' | 'detail'>>;
/** null: not interesting. `unread`: QEMU does not print such a text (it is incomplete, or hostile). */
type Read = Made | null | 'unread';

/** Bits of the global command register (VT-d specification, 11.4.4): switches, and orders that are given each time. */
const SWITCHES: readonly (readonly [number, string])[] = [
  [31, 'TE'],
  [26, 'QIE'],
  [25, 'IRE'],
  [23, 'CFI'],
];
const ORDERS: readonly (readonly [number, string])[] = [
  [30, 'SRTP'],
  [27, 'WBF'],
  [24, 'SIRTP'],
];
/** QEMU 7.2, and 10.0 and later. */
const VIRTIO_RESET = /^virtio_iommu_device_reset(?:_exit)?$/;
const INVALIDATIONS = /^(?:vtd_inv_desc_(?:cc|iotlb|iec)|amdvi_(?:intr|iotlb|pages|all|devtab)_inval$)/;
const AMD_ERRORS = [
  'evntlog_fail',
  'command_read_fail',
  'completion_wait_fail',
  'unhandled_command',
  'dte_get_fail',
  'invalid_dte',
  'get_pte_hwerror',
  'mode_invalid',
  'err',
  'ir_err',
  'ir_target_abort',
];
const ERRORS = new RegExp(
  `^(?:vtd_[rc]e_not_present$|vtd_inv_desc_wait_write_fail$|amdvi_(?:${AMD_ERRORS.join('|')})$)`,
);

/**
 * Keeps the state that single lines do not have: AMD's registers are written in halves, and each write of its control
 * register contains the whole state.
 */
export class EventReader {
  private amdOn = false;
  private deviceTable = 0n;
  private virtioOn = false;

  read(line: TraceLine): IommuEvent | null | 'unread' {
    const made = line.source === 'error' ? { kind: 'error' as const } : this.trace(line);
    if (made === null || made === 'unread') return made;
    const { tMicros, name, text } = line;
    return { tMicros, count: 1, lastMicros: tMicros, name, detail: printable(text, 300), ...made };
  }

  private trace({ name, text }: TraceLine): Read {
    if (name === 'vtd_reg_dmar_root') return root(text);
    if (name === 'vtd_dmar_enable') return switched(text, 'enable', 'disable');
    if (name === 'vtd_ir_enable') return switched(text, 'ir-enable', 'ir-disable');
    if (name === 'vtd_reg_write_gcmd') return command(text);
    if (name === 'vtd_dmar_fault') return vtdFault(text);
    if (name === 'amdvi_control_status') return this.amdControl(text);
    if (name === 'amdvi_mmio_write') return this.amdWrite(text);
    if (name === 'amdvi_page_fault')
      return fault(/^error: page fault accessing guest physical address 0x([0-9a-f]{1,16})$/.exec(text));
    if (name === 'virtio_iommu_report_fault') return virtioFault(text);
    if (name === 'virtio_iommu_device_status' || VIRTIO_RESET.test(name)) return this.virtioStatus(name, text);
    if (INVALIDATIONS.test(name)) return { kind: 'invalidate' };
    return ERRORS.test(name) ? { kind: 'error' } : null;
  }

  /** Decodes the control register; bit 0 turns the IOMMU on. */
  private amdControl(text: string): Read {
    const value = /^MMIO_STATUS state 0x([0-9a-f]{1,16})$/.exec(text)?.[1];
    if (value === undefined) return 'unread';
    const on = (BigInt(`0x${value}`) & 1n) === 1n;
    if (on === this.amdOn) return null;
    this.amdOn = on;
    return { kind: on ? 'enable' : 'disable' };
  }

  private amdWrite(text: string): Read {
    const match =
      /^(\w{1,40}) write addr 0x([0-9a-f]{1,8}), size (\d), val 0x([0-9a-f]{1,16}), offset 0x[0-9a-f]{1,8}$/.exec(text);
    if (match === null) return 'unread';
    const [, register = '', addr = '', size = '', digits = ''] = match;
    if (register !== 'AMDVI_MMIO_DEVTAB_BASE') return null;
    const value = BigInt(`0x${digits}`);
    if (size === '8') this.deviceTable = value;
    else if (parseInt(addr, 16) % 8 === 0)
      this.deviceTable = ((this.deviceTable >> 32n) << 32n) | BigInt.asUintN(32, value);
    else this.deviceTable = BigInt.asUintN(32, this.deviceTable) | (BigInt.asUintN(32, value) << 32n);
    return { kind: 'root', root: { iommu: 'amd', register: this.deviceTable } };
  }

  /**
   * A virtio device works between DRIVER_OK (4) and its reset. Until then, virtio-iommu lets everything through
   * (boot-bypass).
   */
  private virtioStatus(name: string, text: string): Read {
    const status = VIRTIO_RESET.test(name) ? '0' : /^driver status = (\d{1,3})$/.exec(text)?.[1];
    if (status === undefined) return 'unread';
    const on = (Number(status) & 4) !== 0;
    if (on === this.virtioOn) return null;
    this.virtioOn = on;
    return { kind: on ? 'enable' : 'disable', ...(on ? { root: { iommu: 'virtio' as const } } : {}) };
  }
}

function switched(text: string, on: 'enable' | 'ir-enable', off: 'disable' | 'ir-disable'): Read {
  const value = /^enable ([01])$/.exec(text)?.[1];
  return value === undefined ? 'unread' : { kind: value === '1' ? on : off };
}

/** The event has the address and the mode separately; together they are the register. */
function root(text: string): Read {
  const match = /^addr 0x([0-9a-f]{1,16}) scalable ([01])$/.exec(text);
  if (match === null) return 'unread';
  return {
    kind: 'root',
    root: { iommu: 'intel', register: BigInt(`0x${match[1]}`) | (match[2] === '1' ? 1n << 10n : 0n) },
  };
}

function command(text: string): Read {
  const match = /^status 0x([0-9a-f]{1,8}) value 0x([0-9a-f]{1,8})$/.exec(text);
  if (match === null) return 'unread';
  const status = parseInt(match[1] as string, 16);
  const value = parseInt(match[2] as string, 16);
  const has = (word: number, bit: number): boolean => ((word >>> bit) & 1) === 1;
  const switches = SWITCHES.filter(([bit]) => has(status, bit) !== has(value, bit)).map(
    ([bit, bitName]) => `${bitName} ${has(value, bit) ? 'on' : 'off'}`,
  );
  const bits = [...switches, ...ORDERS.filter(([bit]) => has(value, bit)).map(([, bitName]) => bitName)];
  return { kind: 'command', detail: bits.join(', ') };
}

function vtdFault(text: string): Read {
  const match = /^sid 0x([0-9a-f]{1,8}) fault (\d{1,5}) addr 0x([0-9a-f]{1,16}) write ([01])$/.exec(text);
  if (match === null) return 'unread';
  const [, sid = '', reason = '', addr = '', write] = match;
  return {
    kind: 'fault',
    fault: { sourceId: parseInt(sid, 16), reason: Number(reason), iova: BigInt(`0x${addr}`), write: write === '1' },
  };
}

function virtioFault(text: string): Read {
  const match = /^FAULT reason=(\d{1,5}) flags=(\d{1,10}) endpoint=(\d{1,10}) address =0x([0-9a-f]{1,16})$/.exec(text);
  if (match === null) return 'unread';
  const [, reason = '', flags = '', endpoint = '', addr = ''] = match;
  return {
    kind: 'fault',
    fault: {
      sourceId: Number(endpoint),
      reason: Number(reason),
      iova: BigInt(`0x${addr}`),
      write: (Number(flags) & 2) !== 0,
    },
  };
}

function fault(match: RegExpExecArray | null): Read {
  if (match === null) return 'unread';
  return { kind: 'fault', fault: { sourceId: null, reason: null, iova: BigInt(`0x${match[1]}`), write: null } };
}
