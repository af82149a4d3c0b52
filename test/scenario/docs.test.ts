// SPDX-License-Identifier: Apache-2.0
// docs/scenario.md lists every key of the schema, and no others.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseScenario, scenarioJsonSchema } from '../../src/scenario/index.js';
import { PLACE_TEMPLATES } from '../../src/scenario/validate/place.js';

type Schema = {
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  definitions?: Record<string, Schema>;
};

const text = readFileSync(new URL('../../docs/scenario.md', import.meta.url), 'utf8');
const schema = scenarioJsonSchema() as Schema;

/** The words in the first column of the table after a heading. */
function table(heading: string): string[] {
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| (`[^|]+) \|/gm)].flatMap((match) =>
    [...match[1]!.matchAll(/`([^`]+)`/g)].map((word) => word[1]!),
  );
}

function keys(node: Schema | undefined): string[] {
  return Object.keys(node?.properties ?? {}).toSorted();
}

const session = schema.properties?.['sessions']?.items;
const device = schema.properties?.['devices']?.items;
const fault = schema.properties?.['faults']?.items;
const step = schema.definitions?.['step']?.anyOf?.find((branch) => branch.properties);

test.each([
  ['The file', keys(schema)],
  ['machine', keys(schema.properties?.['machine'])],
  ['cmdline', [...keys(schema.properties?.['cmdline']), '0', '1']],
  ['reserveMem', keys(schema.properties?.['reserveMem']?.items)],
  ['iommu', [...keys(schema.properties?.['iommu']?.anyOf?.find((branch) => branch.properties))]],
  ['devices', keys(device)],
  ['map', keys(device?.properties?.['map']?.items)],
  ['Short form: sessions', keys(session)],
  ['files', keys(session?.properties?.['files']?.items)],
  ['guests', keys(session?.properties?.['guests']?.items)],
  ['faults', keys(fault)],
  ['replace', keys(fault?.properties?.['replace'])],
  ['flip', keys(fault?.properties?.['flip'])],
  ['change', keys(fault?.properties?.['change'])],
  ['places', [...PLACE_TEMPLATES]],
  ['Explicit form: steps', keys(step)],
])('%s', (heading, expected) => {
  expect(expected.length).toBeGreaterThan(2);
  expect([...new Set(table(heading))].toSorted()).toEqual(expected.toSorted());
});

test('the values of kexec', () => {
  expect(table('kexec')).toEqual(['file', 'legacy', 'abort', 'kill-agent']);
});

test('the examples are valid', () => {
  const [first, devices, changes, steps] = [...text.matchAll(/^```yaml\n([^]*?)^```/gm)].map((match) => match[1]!);
  expect(parseScenario(first!, 'a.yaml').steps).toHaveLength(10);
  expect(parseScenario(`${first!}${devices!}`, 'd.yaml').steps).toHaveLength(26);
  expect(parseScenario(`${first!}${changes!}`, 'c.yaml').steps).toHaveLength(12);
  expect(parseScenario(`from: a\nto: b\n${steps!}`, 'b.yaml').steps).toHaveLength(4008);
});
