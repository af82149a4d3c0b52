// SPDX-License-Identifier: Apache-2.0
// A PCI device seen from outside: its configuration space and its bus. Numbers that may have 64 bits are hexadecimal
// text.

export interface PciBar {
  bar: number;
  type: 'memory' | 'io';
  /** From the register, even if the BAR is not decoded. */
  address: string;
  /** Bytes. */
  size: number;
}

/** The MSI or MSI-X capability. */
export interface PciInterrupts {
  kind: 'msi' | 'msix';
  enabled: boolean;
  /** The capability's control word. */
  control: number;
  /** The message of MSI; null for MSI-X, whose messages are in a BAR. */
  address: string | null;
  data: number | null;
}

export interface PciBridge {
  address: string;
  /** Bus behind it. */
  secondary: number;
  busMaster: boolean;
}

export interface PciView {
  /** `0000:00:05.0`, as in the machine's kernel. */
  address: string;
  /** Four hexadecimal digits each. */
  vendor: string;
  device: string;
  /** Base class and subclass, four hexadecimal digits. */
  class: string;
  bars: PciBar[];
  /** The command register. */
  command: number;
  memory: boolean;
  busMaster: boolean;
  interrupts: PciInterrupts[];
  /** Null on the root bus. */
  bridge: PciBridge | null;
  /**
   * The device's own registers by name, hexadecimal. Null if its memory is not decoded, or if its model has no register
   * that can be read without side effects.
   */
  registers: Record<string, string> | null;
}

/**
 * `use`: while it is open and mapped. `kexec`: right before the jump. `arrival`: when the next kernel's user space is
 * up. `end`: after all steps of an epoch. `fault`: before and after the lab unplugged it.
 */
export type LookMoment = 'use' | 'kexec' | 'arrival' | 'end' | 'fault';

/** One inspection of a device. `view` is null if the device was not there. */
export interface DeviceLook {
  moment: LookMoment;
  epoch: number;
  t: number;
  view: PciView | null;
}

export type PciDifferenceKind =
  | 'gone'
  | 'moved'
  | 'identity'
  | 'class'
  | 'bar'
  | 'memory-off'
  | 'bus-mastering-off'
  | 'interrupts-off'
  | 'interrupts-changed'
  | 'bridge'
  | 'bridge-bus-mastering-off'
  | 'registers';

export interface PciDifference {
  kind: PciDifferenceKind;
  /** One sentence for a reader. */
  detail: string;
}
