// SPDX-License-Identifier: Apache-2.0
// Which parts of a scenario may be removed, and which may get smaller, as data. The trials follow this order, so parts
// that cost the most time come first.
import { size } from '../../scenario/schema/values.js';

/** Lists whose entries may be removed. The entries of all lists of a pattern are reduced together. */
export const LISTS: readonly { what: string; patterns: readonly string[]; min?: number }[] = [
  { what: 'faults', patterns: ['faults'] },
  { what: 'devices', patterns: ['devices'] },
  { what: 'kernels of the chain', patterns: ['chain'], min: 2 },
  { what: 'sessions', patterns: ['sessions'] },
  { what: 'files and guests', patterns: ['sessions.*.files', 'sessions.*.guests'] },
  { what: 'steps', patterns: ['steps'] },
  { what: 'reserved memory', patterns: ['reserveMem'] },
  { what: 'arguments of QEMU', patterns: ['machine.qemuArgs'] },
  {
    what: 'traits of files and devices',
    patterns: [
      'sessions.*.files.*.holes',
      'sessions.*.files.*.seals',
      'steps.*.memfd.holes',
      'steps.*.memfd.seals',
      'devices.*.map',
      'sessions.*.guests.*.features',
      'sessions.*.guests.*.devices',
    ],
  },
];

/** Keys that may be removed, so that their default applies. */
export const DROPS: readonly string[] = [
  'policy',
  'kexec',
  'iommu',
  'sessions.*.retrieve',
  'sessions.*.finish',
  ...['huge', 'position', 'array', 'state', 'label', 'holes', 'seals'].flatMap((key) => [
    `sessions.*.files.*.${key}`,
    `steps.*.memfd.${key}`,
    `steps.*.object.${key}`,
  ]),
  ...['kind', 'vcpus', 'preserve', 'features', 'devices'].map((key) => `sessions.*.guests.*.${key}`),
  ...['dma', 'interrupts', 'behind', 'size', 'map'].map((key) => `devices.*.${key}`),
];

const KIB = 1024;
const MIB = 1024 * KIB;

/** Values to try for a key. */
export interface Shrink {
  patterns: readonly string[];
  /** The smallest one first. */
  values: readonly number[];
  /** The value of a missing key; without a default, a missing key stays missing. */
  default?: number;
  unit: 'bytes' | 'number';
}

export const SHRINKS: readonly Shrink[] = [
  { patterns: ['sessions.*.guests.*.count'], values: [1, 2, 4, 16], unit: 'number' },
  {
    patterns: [
      'sessions.*.files.*.memfd',
      'sessions.*.files.*.object',
      'steps.*.memfd.size',
      'steps.*.object.size',
      'reserveMem.*.size',
    ],
    values: [4 * KIB, 64 * KIB, MIB, 16 * MIB, 256 * MIB],
    unit: 'bytes',
  },
  {
    patterns: ['sessions.*.guests.*.size', 'steps.*.guest-create.size'],
    values: [MIB, 4 * MIB, 48 * MIB, 64 * MIB, 256 * MIB],
    unit: 'bytes',
  },
  { patterns: ['machine.cpus'], values: [1, 2, 4], default: 2, unit: 'number' },
  {
    patterns: ['machine.memory'],
    values: [256 * MIB, 512 * MIB, 768 * MIB, 1024 * MIB, 2048 * MIB],
    default: 1024 * MIB,
    unit: 'bytes',
  },
];

/** Reads bytes or a number; null for anything else. */
export function numberOf(value: unknown): number | null {
  const parsed = size.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** Bytes as a scenario writes them. */
export function sizeText(bytes: number): string | number {
  return bytes % MIB === 0 ? `${bytes / MIB}MiB` : bytes % KIB === 0 ? `${bytes / KIB}KiB` : bytes;
}
