// SPDX-License-Identifier: Apache-2.0
// Which entries and keys of a scenario may be removed, and which numbers may get smaller, as data.
import { size } from '../../scenario/schema/values.js';

/** Lists whose entries may be removed. The entries of all lists of a pattern are reduced together. */
export interface ListRule {
  what: string;
  patterns: readonly string[];
  min?: number;
}

export const SESSIONS: ListRule = { what: 'sessions', patterns: ['sessions'] };
export const FILES: ListRule = { what: 'files and guests', patterns: ['sessions.*.files', 'sessions.*.guests'] };
export const STEPS: ListRule = { what: 'steps', patterns: ['steps'] };

export const LISTS: readonly ListRule[] = [
  { what: 'faults', patterns: ['faults'] },
  { what: 'devices', patterns: ['devices'] },
  { what: 'kernels of the chain', patterns: ['chain'], min: 2 },
  SESSIONS,
  FILES,
  STEPS,
  { what: 'repeated steps', patterns: ['steps.*.repeat.steps'], min: 1 },
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

/** Numbers that may get smaller. All larger ones of a rule become one value together; then each is tried alone. */
export interface NumberRule {
  what: string;
  patterns: readonly string[];
  /** Values to try, the smallest first; or every multiple of a step. */
  values: readonly number[] | { step: number };
  /** The value of a missing key; without a default, a missing key stays missing. */
  default?: number;
  unit: 'bytes' | 'number';
}

export const COUNTS: readonly NumberRule[] = [
  {
    what: 'repeats and counts',
    patterns: [
      'steps.*.repeat.count',
      'steps.*.repeat.steps.*.repeat.count',
      'sessions.*.count',
      'sessions.*.files.*.count',
      'sessions.*.guests.*.count',
    ],
    values: { step: 1 },
    unit: 'number',
  },
];

export const SIZES: readonly NumberRule[] = [
  {
    what: 'sizes of files',
    patterns: [
      'sessions.*.files.*.memfd',
      'sessions.*.files.*.object',
      'steps.*.memfd.size',
      'steps.*.object.size',
      'steps.*.repeat.steps.*.memfd.size',
      'steps.*.repeat.steps.*.object.size',
      'reserveMem.*.size',
    ],
    values: { step: 4 * KIB },
    unit: 'bytes',
  },
  {
    what: 'sizes of guests',
    patterns: ['sessions.*.guests.*.size', 'steps.*.guest-create.size'],
    values: [MIB, 4 * MIB, 48 * MIB, 64 * MIB, 256 * MIB],
    unit: 'bytes',
  },
];

export const MACHINE: readonly NumberRule[] = [
  { what: 'processors', patterns: ['machine.cpus'], values: [1, 2, 4], default: 2, unit: 'number' },
  {
    what: 'memory',
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
