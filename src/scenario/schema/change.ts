// SPDX-License-Identifier: Apache-2.0
// `change:` of a fault, as far as a schema can tell.
import { z } from 'zod';
import { line, mapping } from './values.js';

/** Numbers of 64 bits are text in quotes, as YAML's own lose their last digits. */
const number = (what: string) =>
  z.union([z.int(), z.string().min(1).max(48).meta({ pattern: '^-?(0x[0-9a-fA-F]+|[0-9]+)$' })], {
    error: `expected ${what}`,
  });

export const changeBody = mapping({
  place: line('a place of the handover').describe(
    'Place by meaning, such as luo.version or memfd[vm0/1].folio[17].pfn; docs/scenario.md lists all',
  ),
  to: z
    .union([z.int().min(0), z.string().max(256)], { error: 'expected a number or text' })
    .optional()
    .describe('What stands there afterwards: a number (of more than 53 bits in quotes) or text'),
  add: number('a whole number').optional().describe('A number that is added; it may be negative'),
  flip: number('bits as a number').optional().describe('Bits that are flipped'),
  self: z
    .literal(true, { error: 'expected true' })
    .optional()
    .describe('The address of the structure that holds it: a chain becomes a circle'),
  remove: z
    .literal(true, { error: 'expected true' })
    .optional()
    .describe('A property or a node of a tree becomes nothing'),
});

export const CHANGE_WORDS = ['to', 'add', 'flip', 'self', 'remove'] as const;
export type ChangeInput = z.output<typeof changeBody>;
