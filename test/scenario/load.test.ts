// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ScenarioError, loadScenario, parseScenario } from '../../src/scenario/index.js';
import { UsageError } from '../../src/util/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'lab-scenario-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function messageOf(path: string): Promise<string> {
  const error: unknown = await loadScenario(path).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ScenarioError);
  expect(error).toBeInstanceOf(UsageError);
  return (error as ScenarioError).message;
}

function refused(text: string): ScenarioError {
  try {
    parseScenario(text, 'x.yaml');
  } catch (error) {
    if (error instanceof ScenarioError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

test('reads a file', async () => {
  const path = file('first.yaml', 'from: a\nto: b\n');
  expect(await loadScenario(path, { to: 'c' })).toMatchObject({
    name: 'first',
    kernels: ['a', 'c'],
    file: path,
    source: 'from: a\nto: b\n',
  });
});

test('accepts a byte order mark and Windows line ends', async () => {
  expect(await loadScenario(file('dos.yaml', '\ufefffrom: a\r\nto: b\r\n'))).toMatchObject({ kernels: ['a', 'b'] });
  expect(await messageOf(file('dos-bad.yaml', '\ufefffrom: a\r\ntoo: b\r\nto: c\r\n'))).toContain(
    ':2:1: unknown key "too"; did you mean "to"?\n    too: b\n    ^',
  );
});

test('reports files that cannot be read', async () => {
  expect(await messageOf(join(folder, 'fist.yaml'))).toBe(
    `${join(folder, 'fist.yaml')}: no such scenario; did you mean "first.yaml"?`,
  );
  expect(await messageOf(folder)).toBe(`${folder}: expected a scenario file, found a folder`);
  expect(await messageOf('/dev/zero')).toBe('/dev/zero: expected a scenario file, found a device');
  expect(await messageOf(file('long.yaml', '#'.repeat(262_145)))).toContain(
    'expected a scenario of at most 262144 bytes',
  );
  expect(await messageOf(file('latin1.yaml', Buffer.from([0x6e, 0x3a, 0xe9])))).toContain('the file is not UTF-8 text');
  expect(await messageOf(file('a\nb.yaml', 'from: [\n'))).toContain('a\\x0ab.yaml:2:1: YAML:');
});

test('shows the line with a caret, cut to a window around it, without control characters', () => {
  const text = `from: a\nto: b\ntags: [${'x, '.repeat(200)} 7, ${'y, '.repeat(200)}]\n`;
  const [place, line, caret] = refused(text).message.split('\n');
  expect(place).toBe('x.yaml:3:609: expected a tag, found the number 7');
  expect(line!.length).toBeLessThan(130);
  expect(line!.startsWith('    ...')).toBe(true);
  expect(line![caret!.indexOf('^')]).toBe('7');
  const evil = refused('from: a\nto: b\n"\x1b[31m\u202e": 1\n');
  // oxlint-disable-next-line no-control-regex
  expect(evil.message).not.toMatch(/[\x1b\u202e]/);
});

test('limits the number of problems', () => {
  const error = refused(`from: a\nto: b\n${Array.from({ length: 3000 }, (_, index) => `key${index}x: 1\n`).join('')}`);
  expect(error.problems.length).toBeGreaterThan(20);
  expect(error.message.split('\n').length).toBeLessThan(70);
  expect(error.message).toMatch(/\.\.\. and \d+ more problems$/);
});

test.each([
  ['lists in lists', '['.repeat(100_000), /at most 50 levels|YAML/],
  [
    'mappings in mappings',
    Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    /at most 50 levels/,
  ],
  [
    'repeats in repeats',
    `from: a\nto: b\nsteps: ${'[{repeat: {count: 1, steps: '.repeat(3000)}[open]${'}}]'.repeat(3000)}\n`,
    /at most 50 levels/,
  ],
  [
    'aliases of aliases',
    `a: &a [x]\nb: &b [${'*a, '.repeat(50)}]\nc: &c [${'*b, '.repeat(50)}]\nd: [${'*c, '.repeat(50)}]\n`,
    /:2:8: expected at most 100 copies by alias/,
  ],
  [
    'an alias of itself',
    'from: a\nto: b\nsteps: &s [{repeat: {count: 2, steps: *s}}]\n',
    /x\.yaml:3:39: .*an alias refers to a value that contains it/,
  ],
  [
    'numbers beyond all bounds',
    `from: a\nto: b\nmachine: {memory: ${'9'.repeat(400)}, cpus: .inf}\n`,
    /expected a size.*[^]*expected a whole number/,
  ],
  ['a prototype', 'from: a\nto: b\n__proto__: {name: x}\nconstructor: 1\n', /unknown key/],
])('%s', (_, text, message) => {
  const started = performance.now();
  expect(refused(text).message).toMatch(message);
  // Generous: without its limit, such a text would take minutes, or never end.
  expect(performance.now() - started).toBeLessThan(30_000);
});
