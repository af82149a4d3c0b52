// SPDX-License-Identifier: Apache-2.0
// Profiles: valid ones, and the messages for invalid ones.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { loadProfile, parseProfile, profileJsonSchema, ScenarioError } from '../../src/scenario/index.js';
import { generator } from '../compat/binary/objects.js';
import { problemsOf } from './problems.js';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'scenarios/profiles');

const problems = (text: string): string[] => problemsOf(() => parseProfile(text, 'p.yaml'));

describe('a profile', () => {
  it('pins versions and ties features to them', () => {
    expect(
      parseProfile('components: {kho: 4, object: 1}\nfeatures:\n  label: {object: 3}\n', 'dir/2026-q4.yaml'),
    ).toEqual({
      name: '2026-q4',
      description: '',
      file: 'dir/2026-q4.yaml',
      pins: [
        { name: 'kho', version: 4 },
        { name: 'object', version: 1 },
      ],
      features: [{ name: 'label', needs: [{ name: 'object', version: 3 }] }],
    });
    expect(parseProfile('name: fleet\ndescription: all\ncomponents: {vfio-pci: 0}\n', 'p.yaml')).toMatchObject({
      name: 'fleet',
      description: 'all',
      pins: [{ name: 'vfio-pci', version: 0 }],
      features: [],
    });
  });

  test.each<[string, ...string[]]>([
    ['', '0:0 the file is empty; expected a profile'],
    ['- 1\n', '1:1 expected a mapping, found a list'],
    ['name: x\n', '1:1 missing key "components": expected a mapping'],
    ['components: {}\n', '1:1 expected at least one component'],
    ['components: [kho]\n', '1:13 expected a mapping, found a list'],
    [
      'component: {kho: 4}\n',
      '1:1 missing key "components"',
      '1:1 unknown key "component"; did you mean "components"?',
    ],
    ['components: {memdf: 2}\n', '1:14 unknown component "memdf"; did you mean "memfd"?'],
    ['components: {kho: 4, Memfd!: 2}\n', '1:22 expected a component\'s name, found "Memfd!"; did you mean "memfd"?'],
    ['components: {kho: v4}\n', '1:19 expected a version: a whole number, found "v4"'],
    ['components: {kho: 4.5}\n', '1:19 expected a version: a whole number, found the number 4.5'],
    ['components: {kho: -1}\n', '1:19 expected at least 0, found the number -1'],
    ['components: {kho: 10000000000}\n', '1:19 expected at most 999999999'],
    ['components: {kho: 4, kho: 5}\n', '1:22 this mapping has the key twice'],
    [
      'components: {kho: 4}\nfeatures: {label: {obejct: 3}}\n',
      '2:20 component "obejct" is not pinned by this profile; pin it under components',
    ],
    [
      'components: {object: 1}\nfeatures: {label: {obejct: 3}}\n',
      '2:20 component "obejct" is not pinned by this profile; did you mean "object"?',
    ],
    ['components: {object: 1}\nfeatures: {label: {}}\n', '2:12 expected a component that supports it, and its version'],
    ['components: {object: 1}\nfeatures: {label: 3}\n', '2:19 expected a mapping, found the number 3'],
    ['components: {object: 1}\nfeatures: {"a b": {object: 3}}\n', '2:12 expected a feature\'s name, found "a b"'],
    ['components: {kho: 4}\n---\nname: x\n', '2:1 expected one YAML document'],
  ])('%j', (text, ...expected) => {
    const messages = problems(text);
    expect(messages).toHaveLength(expected.length);
    for (const [index, words] of expected.entries())
      expect(messages[index]?.startsWith(words), `${messages[index]}`).toBe(true);
  });

  it('that does not exist is a usage error with the nearest name', async () => {
    await expect(loadProfile(join(FOLDER, '2026-q5.yaml'))).rejects.toThrow(
      /no such profile; did you mean "2026-q[34].yaml"/,
    );
    await expect(loadProfile(FOLDER)).rejects.toThrow('expected a profile file, found a folder');
  });

  it('of random bytes is valid, or has problems with a position', () => {
    const good = readFileSync(join(FOLDER, '2026-q4.yaml'));
    const random = generator(7);
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(good);
      for (let change = 0; change <= random(8); change++)
        bytes[random(bytes.length)] = random(3) === 0 ? random(256) : 0x20 + random(0x5f);
      const text = bytes.subarray(0, random(3) === 0 ? random(bytes.length) : bytes.length).toString('latin1');
      let profile;
      try {
        profile = parseProfile(text, 'p.yaml');
      } catch (error) {
        expect(error).toBeInstanceOf(ScenarioError);
        expect((error as ScenarioError).problems.length).toBeGreaterThan(0);
        continue;
      }
      expect(profile.pins.length).toBeGreaterThan(0);
      for (const { name, version } of profile.pins)
        expect(name !== '' && Number.isInteger(version) && version >= 0).toBe(true);
    }
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    '%s is a name like any other: taken as it is, or refused',
    (name) => {
      const pinned = `components: {${name}: 1}\n`;
      if (problems(pinned).length === 0) expect(parseProfile(pinned, 'p.yaml').pins).toEqual([{ name, version: 1 }]);
      expect(problems(`components: {kho: 4}\nfeatures: {x: {${name}: 1}}\n`)).not.toEqual([]);
    },
  );
});

describe('the committed schema of profiles', () => {
  const schema = JSON.parse(readFileSync(join(ROOT, 'schema/profile.schema.json'), 'utf8')) as object;

  it('is up to date (npm run schema)', () => expect(schema).toEqual(profileJsonSchema()));

  it.each(readdirSync(FOLDER))('accepts %s, like the lab', async (name) => {
    const validate = new Ajv().compile(schema);
    expect(validate(parse(readFileSync(join(FOLDER, name), 'utf8'))), JSON.stringify(validate.errors)).toBe(true);
    expect((await loadProfile(join(FOLDER, name))).pins.length).toBeGreaterThan(0);
  });

  it('rejects what the lab rejects', () => {
    const validate = new Ajv().compile(schema);
    for (const bad of [
      {},
      { components: {} },
      { components: { kho: '4' } },
      { components: { kho: 4 }, more: 1 },
      { components: { 'K H O': 4 } },
    ])
      expect(validate(bad), JSON.stringify(bad)).toBe(false);
  });
});
