// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { OUTCOMES } from '../../src/model/result/outcome.js';
import { loadScenario, scenarioJsonSchema } from '../../src/scenario/index.js';

const folder = new URL('../../scenarios/', import.meta.url);
/** All scenarios, also in folders. The files in profiles/ and matrix/, and those right in fuzz/, are none. */
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.yaml') && !/^(profiles|matrix)\/|^fuzz\/[^/]*$/.test(name),
);
const committed: unknown = JSON.parse(
  readFileSync(new URL('../../schema/scenario.schema.json', import.meta.url), 'utf8'),
);
const validate = new Ajv({ strict: false, allErrors: true }).compile(scenarioJsonSchema());

test('the committed JSON Schema is up to date (npm run schema)', () => {
  expect(committed).toEqual(scenarioJsonSchema());
});

test.each(files)('%s is valid for the JSON Schema and for the parser', async (name) => {
  const url = new URL(name, folder);
  const text = readFileSync(url, 'utf8');
  expect(text).toContain(
    `# yaml-language-server: $schema=${'../'.repeat(name.split('/').length)}schema/scenario.schema.json\n`,
  );
  validate(parse(text));
  expect(validate.errors ?? []).toEqual([]);
  const scenario = await loadScenario(url.pathname);
  expect(scenario.name).toBe(basename(name, '.yaml'));
  expect(scenario.description).not.toBe('');
  expect(scenario.tags).not.toEqual([]);
  expect(scenario.cmdlines).toHaveLength(scenario.kernels.length);
});

test('every outcome but infra has a scenario', async () => {
  const outcomes = await Promise.all(
    files.map(async (name) => (await loadScenario(new URL(name, folder).pathname)).expect.outcome),
  );
  expect(new Set(outcomes)).toEqual(new Set(OUTCOMES.filter((outcome) => outcome !== 'infra')));
});

test('the JSON Schema rejects the same shapes as the parser', () => {
  const right = { from: 'a', to: 'b' };
  expect(validate(right)).toBe(true);
  const wrong: object[] = [
    { ...right, form: 'c' },
    { ...right, machine: { memory: '64MB' } },
    { ...right, expect: 'preservd' },
    { ...right, sessions: [{}] },
    { ...right, cmdline: { form: 'x' } },
    { ...right, sessions: [{ name: 'a', files: [{ memfd: 1, holes: ['3'] }] }] },
    { ...right, steps: [{ create: 'a', finish: 'a' }] },
    { ...right, steps: ['creat'] },
    { ...right, steps: [{ create: { session: 'a', errno: 'EBUSI' } }] },
    { ...right, sessions: [], steps: ['open'] },
    { ...right, chain: ['a', 'b'] },
    { ...right, faults: [{ at: 'later', do: 'stop' }] },
  ];
  for (const each of wrong) expect(validate(each), JSON.stringify(each)).toBe(false);
});
