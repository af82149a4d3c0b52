// SPDX-License-Identifier: Apache-2.0
// Plans: valid ones, and the messages for invalid ones.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { definedKernels, nameProblem } from '../../src/images/index.js';
import { loadPlan, parsePlan, planJsonSchema, type PlanKernels } from '../../src/scenario/index.js';
import { problemsOf } from './problems.js';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'scenarios/matrix');
const ALL = ['6.19.11', '6.19.11-object', '7.1.13', '7.2.12', '7.3.4', '7.3.4-object', '7.3.4-object-v1'];
const KERNELS: PlanKernels = {
  all: ALL,
  releases: ['6.19.11', '7.1.13', '7.2.12', '7.3.4'],
  ofSuite: (suite: string) => (suite === 'sid' ? ['7.1.13', '7.2.12'] : []),
  problem: (name) => (ALL.includes(name) ? null : `no kernel ${name}`),
};
/** All kernels that the lab defines. */
const SHIPPED: PlanKernels = { ...KERNELS, all: definedKernels(), problem: nameProblem };
const FILE = join(FOLDER, 'p.yaml');
const plan = (text: string) => parsePlan(text, FILE, KERNELS);
const problems = (text: string): string[] => problemsOf(() => plan(text));
const scenarios = 'scenarios: [{file: ../pair.yaml}]\n';

describe('the hunt of a plan', () => {
  it('is read, and its plan must be there', () => {
    const fuzz = (text: string) => `kernels: [newest 1]\n${scenarios}fuzz: ${text}\n`;
    expect(plan(fuzz('{plan: ../fuzz/short.yaml, minutes: 1.5}')).fuzz).toEqual({
      file: join(ROOT, 'scenarios/fuzz/short.yaml'),
      ms: 90_000,
    });
    expect(plan(fuzz('{plan: ../fuzz/short.yaml}')).fuzz).toMatchObject({ ms: null });
    expect(plan(`kernels: [newest 1]\n${scenarios}`).fuzz).toBeNull();
    expect(problems(fuzz('{plan: nowhere.yaml}')).join()).toContain('no such plan: "nowhere.yaml"');
    expect(problems(fuzz('{plan: ../fuzz/short.yaml, minutes: 0}'))).toHaveLength(1);
  });
});

describe('kernels of a plan', () => {
  test.each<[string, string[]]>([
    ['[7.2.12, 6.19.11]', ['6.19.11', '7.2.12']],
    ['["7.*"]', ['7.1.13', '7.2.12', '7.3.4']],
    ['["7.3.4-*"]', ['7.3.4-object']],
    ['["7.3.4**"]', ['7.3.4', '7.3.4-object', '7.3.4-object-v1']],
    ['[newest 2]', ['7.2.12', '7.3.4']],
    ['[newest 1 of sid, 6.19.11]', ['6.19.11', '7.2.12']],
    ['["?.1.13", newest 1, 7.3.4]', ['7.1.13', '7.3.4']],
  ])('%s', (kernels, names) => expect(plan(`kernels: ${kernels}\n${scenarios}`).kernels).toEqual(names));

  test.each<[string, string[]]>([
    ['all', ['7.2.12 7.2.12', '7.2.12 7.3.4', '7.3.4 7.2.12', '7.3.4 7.3.4']],
    ['forward', ['7.2.12 7.3.4']],
    ['rollback', ['7.3.4 7.2.12']],
    ['[forward, same]', ['7.2.12 7.2.12', '7.2.12 7.3.4', '7.3.4 7.3.4']],
  ])('in pairs: %s', (pairs, names) =>
    expect(plan(`kernels: [newest 2]\npairs: ${pairs}\n${scenarios}`).chains.map((chain) => chain.join(' '))).toEqual(
      names,
    ),
  );

  it('in chains, each once', () => {
    expect(
      plan(`kernels: [newest 2]\npairs: forward\nchains: [[7.2.12, 7.3.4], [7.2.12, 7.3.4, 7.2.12]]\n${scenarios}`)
        .chains,
    ).toEqual([
      ['7.2.12', '7.3.4'],
      ['7.2.12', '7.3.4', '7.2.12'],
    ]);
  });
});

it('fills in defaults', () => {
  expect(
    plan(
      'kernels: [7.3.4]\nscenarios: [{folder: ../places, tags: [fast], repeats: 3}, {file: ' +
        '../pair.yaml}]\nrepeats: 2\nlimits: {memory: 4GiB}\n',
    ),
  ).toMatchObject({
    name: 'p',
    retries: 2,
    expect: 'auto',
    baseline: null,
    profile: null,
    excludes: [],
    limits: { jobs: null, memory: 4 * 2 ** 30, timeout: null },
    selections: [
      { kind: 'folder', path: join(ROOT, 'scenarios/places'), tags: ['fast'], kernels: 'plan', repeats: 3 },
      { kind: 'file', repeats: 2 },
    ],
  });
});

test.each<[string, ...string[]]>([
  ['', '0:0 the file is empty; expected a plan'],
  ['kernels: [7.3.4]\n', '1:1 missing key "scenarios"'],
  [`kernals: [7.3.4]\n${scenarios}`, '1:1 unknown key "kernals"; did you mean "kernels"?'],
  [`kernels: [7.3.5]\n${scenarios}`, '1:11 no kernel 7.3.5'],
  [`kernels: ["8.*"]\n${scenarios}`, '1:11 no kernel matches "8.*"; kernels here: 6.19.11, '],
  [`kernels: [newest 9]\n${scenarios}`, '1:11 expected newest N with N from 1 to 4, found "newest 9"'],
  [`kernels: [7.2]\n${scenarios}`, "1:11 expected a kernel's name; put it in quotes"],
  [`kernels: [7.3.4]\npairs: forwards\n${scenarios}`, '2:8 expected all, forward, rollback, same'],
  [
    `kernels: [7.3.4]\npairs: forward\n${scenarios}`,
    '3:1 there is no pair of kernels for these scenarios; 1 kernel with pairs: forward gives no pair',
  ],
  ['scenarios: [{file: ../pair.yaml}]\n', '1:1 there is no pair of kernels for these scenarios; write kernels'],
  ['kernels: [7.3.4]\nscenarios: [{file: ../pear.yaml}]\n', '2:20 no such scenario: "../pear.yaml"'],
  [
    'kernels: [7.3.4]\nscenarios: [{folder: ../mismatsch}]\n',
    '2:22 no such folder: "../mismatsch"; did you mean "../mismatch"?',
  ],
  [
    'kernels: [7.3.4]\nscenarios: [{file: ../pair.yaml, folder: ..}]\n',
    '2:13 expected either file or folder, found both',
  ],
  ['kernels: [7.3.4]\nscenarios: [{tags: [a]}]\n', '2:13 expected either file or folder, found neither'],
  [`kernels: [7.3.4]\nrepeats: 0\n${scenarios}`, '2:10 expected at least 1'],
  [`kernels: [7.3.4]\nprofile: nowhere.yaml\n${scenarios}`, '2:10 no such profile: "nowhere.yaml"'],
  [`kernels: [7.3.4]\nchains: [[7.3.4, 1.0.0]]\n${scenarios}`, '2:18 no kernel 1.0.0'],
])('refuses %j', (text, ...expected) => {
  const messages = problems(text);
  for (const each of expected) expect(messages).toContainEqual(expect.stringContaining(each));
});

describe('the shipped plans', () => {
  const validate = new Ajv({ strict: false, allErrors: true }).compile(planJsonSchema());

  it('have the committed schema', () => {
    expect(JSON.parse(readFileSync(join(ROOT, 'schema/plan.schema.json'), 'utf8'))).toEqual(planJsonSchema());
  });

  test.each(readdirSync(FOLDER).filter((name) => !name.includes('baseline')))('%s', async (name) => {
    const text = readFileSync(join(FOLDER, name), 'utf8');
    expect(text).toContain('# yaml-language-server: $schema=../../schema/plan.schema.json\n');
    validate(parse(text));
    expect(validate.errors ?? []).toEqual([]);
    expect((await loadPlan(join(FOLDER, name), SHIPPED)).description).not.toBe('');
  });
});
