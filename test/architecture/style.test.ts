// SPDX-License-Identifier: Apache-2.0
// The style of CONTRIBUTING.md that neither the formatter nor the linter checks.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const MAX_COLUMNS = 120;
const MAX_FILES = 15;
/** Folders that may hold more files. */
const MORE_FILES: Readonly<Record<string, number>> = {
  // One file for each group of real runs: vitest runs each as one, and names it in CI.
  'test/real': 20,
};
/** Recorded data and what a browser gets, not code of the lab. */
const EXCEPT = /^(test\/console\/golden|src\/report\/html\/assets)(\/|$)/;

const files = ['src', 'test', 'bin']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1)),
  )
  .filter((file) => !EXCEPT.test(file));
const code = files
  .filter((file) => /\.(ts|tsx|js)$/.test(file))
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

/** The numbers of the lines that `isWrong` finds. */
function linesWith(text: string, isWrong: (line: string) => boolean): number[] {
  return text.split('\n').flatMap((line, index) => (isWrong(line) ? [index + 1] : []));
}

const tooLong = (text: string) => linesWith(text, (line) => Array.from(line).length > MAX_COLUMNS);
const TAG = String.raw`@(param|returns|throws)\b`;
const twoTags = (text: string) => linesWith(text, (line) => new RegExp(`${TAG}.*${TAG}`).test(line));
const forcedCasts = (text: string) => linesWith(text, (line) => line.includes('as unknown ' + 'as'));
const hasLicence = (text: string) => /^(#!.*\n)?(\/\/|\/\*) SPDX-License-Identifier: Apache-2\.0/.test(text);

const HEAD = new RegExp(
  String.raw`(?:function\s+|^ +(?:(?:private|static|async|readonly|override) )*#?)(\w+)\s*(?:<[^>(]*>)?` +
    String.raw`\(([^(){}]*)\)\s*(?::[^{=;]*)?\{`,
  'gm',
);

/** Functions and methods with a boolean among two or more parameters, or with an optional one. */
function booleanParameters(text: string): string[] {
  const heads = text.matchAll(HEAD);
  return [...heads].flatMap(([, name = '', parameters = '']) => {
    if (/^(if|for|while|switch|catch)$/.test(name)) return [];
    const list = parameters.split(',').filter((parameter) => parameter.trim() !== '');
    const booleans = list.filter((parameter) =>
      /: boolean( \| (null|undefined))?\s*$|= (true|false)\s*$/.test(parameter),
    );
    const optional = booleans.some((parameter) => /\?:|=/.test(parameter));
    return booleans.length > 0 && (list.length > 1 || optional) ? [name] : [];
  });
}

/** Folders with more files side by side than they may have. */
function crowded(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  return [...counts]
    .filter(([folder, count]) => count > (MORE_FILES[folder] ?? MAX_FILES))
    .map(([folder, count]) => `${folder}: ${count}`);
}

/** `file:line` or `file name` of all that `check` finds. */
const found = (check: (text: string) => readonly (number | string)[]) =>
  code.flatMap(({ file, text }) => check(text).map((where) => `${file}:${where}`));

describe('the checks find', () => {
  it('a long line, by characters', () => {
    expect(tooLong(`${'x'.repeat(120)}\n${'x'.repeat(121)}\n`)).toEqual([2]);
    expect(tooLong('\u00e9'.repeat(120))).toEqual([]);
  });

  it.each([
    ['/** TAG a one TAG b two */', [1]],
    ['/**\n * TAG a one\n * TAG b two\n */', []],
  ])('two tags on a line: %j', (text, lines) => expect(twoTags(text.replaceAll('TAG', '@param'))).toEqual(lines));

  it('a cast by way of unknown', () => {
    expect(forcedCasts(['x as ', ' as Y'].join('unknown'))).toEqual([1]);
    expect(forcedCasts('(x as unknown)')).toEqual([]);
  });

  it('a file without its licence', () => {
    expect(hasLicence('// A file.\n')).toBe(false);
    expect(hasLicence('#!/usr/bin/env node\n// SPDX-License-Identifier: Apache-2.0\n')).toBe(true);
  });

  it.each([
    ['FUNCTION f(a: string, b: boolean): void {', ['f']],
    ['FUNCTION f(\n  a: string,\n  b: boolean,\n): Promise<void> {', ['f']],
    ['  private f(a: string, b = false): void {', ['f']],
    ['  f(a: string, b: boolean | null) {', ['f']],
    ['FUNCTION f(on?: boolean) {', ['f']],
    ['FUNCTION f(on: boolean) {', []],
    ['  f(a: string, { b }: { b: boolean }) {', []],
    ["FUNCTION f(a: string, b: 'on' | 'off') {", []],
  ])('a boolean parameter in %j: %j', (text, names) =>
    expect(booleanParameters(text.replace('FUNCTION', 'function'))).toEqual(names),
  );

  it('a folder with too many files', () => {
    const paths = (folder: string, count: number) => Array.from({ length: count }, (_, index) => `${folder}/${index}`);
    expect(crowded([...paths('a', 15), ...paths('b', 16), ...paths('test/real', 20)])).toEqual(['b: 16']);
  });
});

describe('the code', () => {
  it('is all read', () => expect(code.length).toBeGreaterThan(600));

  it(`has no line of more than ${MAX_COLUMNS} characters`, () => expect(found(tooLong)).toEqual([]));
  it('has one JSDoc tag on a line', () => expect(found(twoTags)).toEqual([]));
  it('casts nothing by way of unknown', () => expect(found(forcedCasts)).toEqual([]));
  it('takes no boolean beside other parameters', () => expect(found(booleanParameters)).toEqual([]));
  it('names its licence in every file', () =>
    expect(code.filter(({ text }) => !hasLicence(text)).map(({ file }) => file)).toEqual([]));
  it('has no folder that is too full to read', () => expect(crowded(files)).toEqual([]));
});
