// SPDX-License-Identifier: Apache-2.0
// The schema of `change:` in a fault. validate/change.ts checks the rest.
import { z } from 'zod';
import { line, mapping } from './values.js';

/** Numbers of more than 53 bits are text in quotes, because YAML would lose their last digits. */
const number = (what: string) =>
  z.union([z.int(), z.string().min(1).max(48).meta({ pattern: '^-?(0x[0-9a-fA-F]+|[0-9]+)$' })], {
    error: `expected ${what}`,
  });

export const changeBody = mapping({
  place: line('a place of the handover').describe(
    'A place of the handover, such as luo.version or memfd[vm0/1].folio[17].pfn; ' + 'docs/scenario.md lists all',
  ),
  to: z
    .union([z.int().min(0), z.string().max(256)], { error: 'expected a number or text' })
    .optional()
    .describe('The new value: a number (in quotes if it has more than 53 bits) or text'),
  add: number('a whole number').optional().describe('A number to add; it may be negative'),
  flip: number('bits as a number').optional().describe('Bits to flip'),
  self: z
    .literal(true, { error: 'expected true' })
    .optional()
    .describe('The address of the structure with this field, which turns a chain into a loop'),
  copy: line('another place').optional().describe('The value of another place'),
  address: line('another place').optional().describe('The physical address of the structure that holds another place'),
  remove: z
    .literal(true, { error: 'expected true' })
    .optional()
    .describe('Remove a property or a node of a device tree'),
});

export const CHANGE_WORDS = ['to', 'add', 'flip', 'self', 'copy', 'address', 'remove'] as const;
export type ChangeInput = z.output<typeof changeBody>;
