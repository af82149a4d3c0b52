// SPDX-License-Identifier: Apache-2.0
// Faults: changes from outside the machine.
import { z } from 'zod';
import { FAULT_MOMENTS, type Fault, TABLE_DAMAGES } from '../../model/scenario/scenario.js';
import { changeBody } from './change.js';
import { line, mapping, whole } from './values.js';

const bytes = (what: string) => line(what).meta({ maxLength: 256 });

/** The kinds of faults. An entry has exactly one. */
export const faultBody = {
  do: z
    .enum(['triple-fault', 'reset', 'stop', 'nmi'])
    .optional()
    .describe(
      'triple-fault: the next interrupt resets the machine; reset: QMP system_reset; stop: all ' +
        'vCPUs stop; nmi: QMP inject-nmi',
    ),
  replace: mapping({
    find: bytes('the text to look for').describe("A complete NUL-terminated string in the machine's memory"),
    with: bytes('the text to write').describe('Its replacement, no longer than find'),
    where: z.enum(['page-start', 'anywhere']).default('anywhere').describe('Where to look for it'),
  })
    .optional()
    .describe("Replace a string everywhere in the machine's memory"),
  flip: mapping({
    file: line("a file's name").describe('Name of the file; in the short form SESSION/FILE'),
    page: whole().min(0).default(0).describe('Page of the file, counted from 0'),
    offset: whole().min(0).max(4095).default(0).describe('Byte of the page, counted from 0'),
    mask: whole().min(1).max(255).default(255).describe('Bits to flip'),
  })
    .optional()
    .describe("Flip bits in a byte of a file, in the machine's memory"),
  unplug: line("a device's name")
    .optional()
    .describe(
      'Unplug a device (QMP device_del), which asks the machine to release it; it must be behind a ' + 'root port',
    ),
  'iommu-table': mapping({
    device: line("a device's name").describe('The device; it must be open and mapped'),
    damage: z
      .enum(TABLE_DAMAGES)
      .describe(
        'loop: an entry points to its own table; reserved: bits are set that must be 0; not-present: ' +
          'an entry is cleared; elsewhere: the first mapped page is replaced by another one',
      ),
  })
    .optional()
    .describe("Damage the IOMMU's tables of a device, in the machine's memory"),
  change: changeBody
    .optional()
    .describe("Change a field of the handover, found by walking its structures in the machine's memory"),
};

export const faultEntry = mapping({
  at: z.enum(FAULT_MOMENTS).describe('When to inject it; jump: as soon as the old kernel starts the kexec'),
  update: whole().min(1).optional().describe('Number of the update, from 1; by default the last one'),
  ...faultBody,
});

export const FAULT_WORDS = ['do', 'replace', 'flip', 'unplug', 'iommu-table', 'change'] as const;
const bodySchema = mapping(faultBody);
export type FaultBodyInput = z.output<typeof bodySchema>;
export type FaultInput = z.output<typeof faultEntry>;

/** The fault of an entry, or null if it has none or more than one. For `change`, see validate/change.ts. */
export function toFault(input: FaultBodyInput): Exclude<Fault, { kind: 'change' }> | 'change' | null {
  if (FAULT_WORDS.filter((word) => input[word] !== undefined).length !== 1) return null;
  if (input.replace)
    return { kind: 'replace', find: input.replace.find, write: input.replace.with, where: input.replace.where };
  if (input.flip) return { kind: 'flip', ...input.flip };
  if (input.unplug !== undefined) return { kind: 'unplug', device: input.unplug };
  if (input['iommu-table']) return { kind: 'iommu-table', ...input['iommu-table'] };
  if (input.change) return 'change';
  return input.do ? { kind: input.do } : null;
}
