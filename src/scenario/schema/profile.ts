// SPDX-License-Identifier: Apache-2.0
// A profile. The committed JSON Schema is generated from this.
import { z } from 'zod';
import { line, mapping, whole } from './values.js';

const NAME = /^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/;
/** Highest version that the lab reads from a kernel's text of 48 bytes. */
const MAX_VERSION = 999_999_999;

const versions = z.record(z.string(), whole('a version: a whole number').min(0).max(MAX_VERSION));

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

/** True for a word that can be the name of a component or a feature. */
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
