// SPDX-License-Identifier: Apache-2.0
// What may stand in a profile. The committed JSON Schema is generated from this.
import { z } from 'zod';
import { line, mapping, whole } from './values.js';

const NAME = /^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/;
/** Highest version that a kernel's text of 48 bytes is read with. */
const MOST_VERSION = 999_999_999;

const versions = z.record(z.string(), whole('a version: a whole number').min(0).max(MOST_VERSION));

export const profileSchema = mapping({
  name: line('a name').optional().describe('Name; by default the name of the file'),
  description: z.string().default('').describe('Its purpose, in a sentence'),
  components: versions.describe(
    'The version of each component that every host must read and be able to write: {memfd: 2, object: 1}',
  ),
  features: z
    .record(z.string(), versions)
    .default({})
    .describe('Features of a workload, and the lowest versions that support them: {label: {object: 3}}'),
});

export type ProfileInput = z.output<typeof profileSchema>;

/** A word that can be a component's or a feature's name. */
export function isName(word: string): boolean {
  return word.length <= 47 && NAME.test(word);
}

/** JSON Schema, draft-07, for profile files. */
export function profileJsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(profileSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      if (jsonSchema.propertyNames !== undefined)
        jsonSchema.propertyNames = { type: 'string', pattern: NAME.source, maxLength: 47 };
    },
  }) as Record<string, unknown>;
  Object.assign((rest['properties'] as Record<string, object>)['components']!, { minProperties: 1 });
  return { $schema, title: 'Profile of the lab', ...rest };
}
