// SPDX-License-Identifier: Apache-2.0
// The JSON Schema with which editors complete a scenario.
import { z } from 'zod';
import { scenarioSchema } from './scenario.js';

/** JSON Schema, draft-07, of scenario files. */
export function scenarioJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(scenarioSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // The bounds of a safe integer would only confuse a reader.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  }) as Record<string, unknown>;
  const properties = schema['properties'] as Record<string, Record<string, unknown>>;
  const cmdline = properties['cmdline']!;
  cmdline['patternProperties'] = { '^(0|[1-9][0-9]*)$': cmdline['additionalProperties'] };
  cmdline['additionalProperties'] = false;
  const { $schema, ...rest } = schema;
  return {
    $schema,
    title: 'Scenario of the lab',
    ...rest,
    allOf: [
      ['sessions', 'steps'],
      ['kexec', 'steps'],
      ['kselftest', 'steps'],
      ['kselftest', 'sessions'],
      ['kselftest', 'kexec'],
      ['chain', 'from'],
      ['chain', 'to'],
    ].map((both) => ({ not: { required: both } })),
  };
}
