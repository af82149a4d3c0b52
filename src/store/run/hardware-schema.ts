// SPDX-License-Identifier: Apache-2.0
// Schema of the devices and the IOMMU in result.json (model/result/hardware-result.ts).
import { z } from 'zod';
import { DEVICE_MODELS, DEVICE_PRESERVES, IOMMU_KINDS } from '../../model/scenario/device.js';

const count = z.number().int().min(0);
const hex = z.string().describe('Hexadecimal');
const view = z
  .object({
    address: z.string(),
    vendor: z.string(),
    device: z.string(),
    class: z.string(),
    bars: z.array(z.object({ bar: count, type: z.enum(['memory', 'io']), address: hex, size: count })),
    command: count,
    memory: z.boolean(),
    busMaster: z.boolean(),
    interrupts: z.array(
      z.object({
        kind: z.enum(['msi', 'msix']),
        enabled: z.boolean(),
        control: count,
        address: hex.nullable(),
        data: count.nullable(),
      }),
    ),
    bridge: z.object({ address: z.string(), secondary: count, busMaster: z.boolean() }).nullable(),
    registers: z.record(z.string(), z.string()).nullable(),
  })
  .meta({ id: 'pciView', description: "A device's configuration space, seen from outside" });

export const deviceResult = z.object({
  name: z.string(),
  device: z.enum(DEVICE_MODELS),
  address: z.string().nullable(),
  preserve: z.enum(DEVICE_PRESERVES),
  epoch: count,
  carried: z
    .enum(['kept', 'recreated', 'lost'])
    .nullable()
    .describe('Null: nobody was to open it, or the machine ended first'),
  before: view.nullable(),
  after: view.nullable(),
  resets: count,
  during: z.array(z.object({ t: z.number(), epoch: count, what: z.string(), detail: z.string() })),
  backing: z.object({ pages: count, different: count }).nullable(),
  transfer: z
    .object({
      iova: hex,
      phys: hex,
      length: count,
      began: z.number(),
      fate: z.enum(['landed', 'early', 'blocked', 'strayed', 'partly', 'unknown']),
    })
    .nullable()
    .describe('A transfer that was under way over the kexec'),
  problems: z.array(z.string()),
});

const reach = z
  .object({
    epoch: count,
    state: z.enum(['translated', 'pass-through', 'blocked', 'broken']),
    bytes: count,
    tablePages: count,
    mappings: z.array(z.object({ iova: hex, phys: hex, length: count, rights: z.string() })),
  })
  .meta({ id: 'reach', description: "What a device reached through the IOMMU's tables at one moment" });

export const iommuResult = z.object({
  kind: z.enum(IOMMU_KINDS),
  timeline: z.array(z.object({ t: z.number(), epoch: count, what: z.string(), detail: z.string(), count })),
  leftOut: count,
  gapMs: z.number().nullable().describe('The longest time of an update in which DMA was not translated'),
  gaps: z.array(z.object({ epoch: count, state: z.enum(['kept', 'gap', 'open', 'off']), ms: z.number().nullable() })),
  faults: z.array(z.object({ device: z.string(), count, first: z.string() })),
  descriptors: z
    .array(z.object({ device: z.string(), epoch: count, carried: z.enum(['kept', 'lost']) }))
    .default([])
    .describe('Iommufds that were given to a session'),
  tables: z.array(
    z.object({
      device: z.string(),
      before: reach.nullable(),
      after: reach.nullable(),
      same: count,
      handedOver: count.default(0).describe('Pages of tables that were to be handed over'),
      leaked: count.default(0).describe('Of these, what nobody has given back'),
      problems: z.array(z.string()),
    }),
  ),
  strays: z.array(z.object({ device: z.string(), iova: hex, phys: hex, bytes: count })),
});
