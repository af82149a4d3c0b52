// SPDX-License-Identifier: Apache-2.0
// Writes the committed JSON Schemas from the code that checks scenarios, profiles, plans and results.
import { writeFileSync } from 'node:fs';
import { knownJsonSchema } from '../src/fuzz/findings/known.js';
import { huntPlanJsonSchema } from '../src/fuzz/plan/plan.js';
import { scenarioJsonSchema } from '../src/scenario/schema/json-schema.js';
import { planJsonSchema } from '../src/scenario/schema/plan.js';
import { profileJsonSchema } from '../src/scenario/schema/profile.js';
import { resultJsonSchema } from '../src/store/run/result-schema.js';

for (const [name, schema] of [
  ['scenario', scenarioJsonSchema()],
  ['profile', profileJsonSchema()],
  ['plan', planJsonSchema()],
  ['hunt', huntPlanJsonSchema()],
  ['known', knownJsonSchema()],
  ['result', resultJsonSchema()],
] as const) {
  writeFileSync(new URL(`../schema/${name}.schema.json`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
