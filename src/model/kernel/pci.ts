// SPDX-License-Identifier: Apache-2.0
// What a PCI device looks like from outside: its configuration space, and where it hangs. Numbers that may have 64 bits
// are hexadecimal text.

export interface PciBar {
  bar: number;
  type: 'memory' | 'io';
  /** As the register has it, decoded or not. */
  address: string;
  /** Bytes. */
  size: number;
}

/** The capability that messages for interrupts are set up in. */
export interface PciInterrupts {
  kind: 'msi' | 'msix';
  enabled: boolean;
  /** The capability's control word. */
  control: number;
  /** Of MSI, where the message goes and what it says; of MSI-X null: its messages are in a BAR. */
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
  /** `0000:00:05.0`, as the machine's kernel writes it. */
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
   * The device's own registers by name, hexadecimal; null where its model has none that can be read without a change,
   * or its memory is not decoded.
   */
  registers: Record<string, string> | null;
}

/**
 * `use`: while it is open and mapped; `kexec`: right before the jump; `arrival`: the next kernel's user space is up;
 * `end`: all steps of an epoch are done; `fault`: before and after the lab pulled it out.
 */
export type LookMoment = 'use' | 'kexec' | 'arrival' | 'end' | 'fault';

/** What one look at one device showed; `view` null: it is not there. */
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
