// SPDX-License-Identifier: Apache-2.0
// Devices and the IOMMU in a scenario.
import { z } from 'zod';
import {
  DEVICE_INTERRUPTS,
  DEVICE_LEVELS,
  DEVICE_MODELS,
  DEVICE_PRESERVES,
  IOMMU_KINDS,
  RIGHTS,
} from '../../model/scenario/device.js';
import { errno, line, mapping, sessionName, size, token, tokenTemplate } from './values.js';

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;
/** A name that can be part of a QEMU id. */
const id = (what: string) =>
  z
    .string({ error: `expected ${what}` })
    .regex(NAME, { error: `expected ${what}: a letter, then up to 31 letters, digits, - and _` })
    .meta({ pattern: NAME.source });

/** Widths of an IOVA in QEMU's VT-d (aw-bits). */
export const INTEL_BITS = [39, 48] as const;

export const iommu = z
  .union(
    [
      z.enum(IOMMU_KINDS),
      mapping({
        kind: z.enum(IOMMU_KINDS).describe('Its kind'),
        intremap: z.boolean().optional().describe('Interrupt remapping; on by default with intel'),
        scalable: z.boolean().default(false).describe("VT-d's scalable mode; intel only"),
        preserve: z
          .enum(DEVICE_PRESERVES)
          .default('recreate')
          .describe(
            'Short form: what happens to the iommufd of each device in a session. required: LUO carries ' +
              'it, or the update is called off; if-supported: LUO carries it if it can; recreate: the next ' +
              'kernel makes a new one',
          ),
        bits: z
          .union(
            INTEL_BITS.map((bits) => z.literal(bits)),
            { error: 'expected 39 or 48' },
          )
          .optional()
          .describe('Width of an IOVA; intel only, 39 by default'),
      }),
    ],
    { error: `expected an IOMMU: ${IOMMU_KINDS.join(', ')}, or a mapping with kind` },
  )
  .default('none')
  .describe('The IOMMU in front of the devices; none by default');

const iova = z
  .union(
    [
      z
        .string()
        .regex(/^0x[0-9A-Fa-f]{1,13}$/, { error: 'expected an address: hexadecimal such as 0x100000, or a size' })
        .meta({ pattern: '^0x[0-9A-Fa-f]{1,13}$' })
        .transform(Number),
      size,
    ],
    { error: 'expected an address: hexadecimal such as 0x100000, or a size' },
  )
  .meta({ description: 'Address that the device uses: hexadecimal (0x100000) or a size, a multiple of the page size' });
const rights = z.enum(RIGHTS).default('rw').describe('Access rights of the device');

const AT = /^[0-9a-f]{1,2}\.[0-7]$/i;
const at = z
  .string({
    error: (issue) =>
      typeof issue.input === 'number'
        ? `expected an address such as "05.0"; put it in quotes, YAML reads it as a number`
        : 'expected an address such as "05.0"',
  })
  .regex(AT, { error: 'expected an address SLOT.FUNCTION in hexadecimal, such as "05.0"' })
  .meta({ pattern: '^[0-9A-Fa-f]{1,2}\\.[0-7]$' });

const preserve = z
  .union(
    [
      z.enum(DEVICE_PRESERVES),
      mapping({
        level: z
          .enum(DEVICE_LEVELS)
          .describe(
            'What must cross the kexec with the descriptor. address: the device is known again and may be reset; ' +
              'state: it is not reset and keeps its registers; dma: it also reaches its memory all the time',
          ),
        optional: z.boolean().default(false).describe('Recreate the device where LUO cannot carry it'),
      }),
    ],
    { error: `expected ${DEVICE_PRESERVES.join(', ')}, or a mapping with level` },
  )
  .describe(
    'required: LUO carries its descriptor, or the update is called off; if-supported: LUO ' +
      'carries it if it can, otherwise recreate; recreate: close it, then open and map it again. ' +
      'A mapping sets the level; without one it is dma',
  );

export const device = mapping({
  name: id("a device's name").describe('Name of the device in the scenario'),
  device: z.enum(DEVICE_MODELS).describe('Its model'),
  at: at.describe('Its address on its bus: SLOT.FUNCTION in hexadecimal, slots 02 to 1e; behind a root port "00.0"'),
  behind: id("a root port's name").optional().describe('Its root port; the lab adds one for each name'),
  size: size.optional().describe('Size of its backing storage (nvme, virtio-blk, ivshmem); 16MiB by default'),
  preserve: preserve.default('recreate'),
  session: line("a session's name").optional().describe('Session that carries its descriptor'),
  token: token.optional().describe('Token of its descriptor in the session; by default the next one after the files'),
  map: z
    .array(mapping({ file: line("a file's name").describe('Name of the file, SESSION/FILE'), iova, rights }))
    .default([])
    .describe('Short form: files to map for its DMA'),
  dma: z
    .enum(['in-flight'])
    .optional()
    .describe('Short form, edu only: start a transfer right before the kexec, and follow it to its end'),
  interrupts: z
    .enum(DEVICE_INTERRUPTS)
    .default('armed')
    .describe(
      'edu only. armed: after its test, an interrupt stays set up, even across the kexec; off: it ' +
        'is removed, for drivers that refuse to freeze with one',
    ),
});

export type IommuInput = z.output<typeof iommu>;
export type DeviceInput = z.output<typeof device>;

const common = { errno: errno.optional() };
const name = id("a device's name");
const onDevice = z.union([name, mapping({ device: name, ...common })]);
const carried = mapping({ device: name, session: sessionName, token: tokenTemplate, ...common });

/** Steps on devices, for the explicit form. */
export const deviceOperations = {
  'device-open': onDevice.optional().describe('Give a device to vfio-pci and open it'),
  'device-map': mapping({ device: name, file: line('the name of a file'), iova, rights, ...common })
    .optional()
    .describe("Map a file for the device's DMA"),
  'device-preserve': carried.optional().describe("Preserve the device's descriptor in a session"),
  'device-retrieve': carried.optional().describe('Give the device to vfio-pci and retrieve its descriptor'),
  'iommu-preserve': carried.optional().describe("Preserve the device's iommufd in a session"),
  'iommu-retrieve': carried.optional().describe("Retrieve the device's iommufd, before the device itself"),
  'device-check': onDevice
    .optional()
    .describe('Check the device from inside: identity, registers, DMA in both directions, an interrupt'),
  'device-dma': mapping({ device: name, start: z.literal(true, { error: 'expected true' }), ...common })
    .optional()
    .describe('edu only: start a transfer without waiting for it'),
  'device-close': onDevice.optional().describe('Close the device'),
};
