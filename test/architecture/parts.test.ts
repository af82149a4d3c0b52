// SPDX-License-Identifier: Apache-2.0
// A function of the run takes the parts that it uses, and few take all of them: what follows the whole through an
// update can be read in one go.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SRC, sourceFiles } from './sources.js';

const MAX_WITH_ALL = 12;
/** Of the eleven parts; whoever takes more takes everything. */
const MAX_PARTS = 8;

interface Taker {
  file: string;
  name: string;
  parts: 'all' | number;
}

/** Functions and methods with a parameter or a property of these types, by the text of their heads. */
function takersIn(file: string, text: string): Taker[] {
  const heads = text.matchAll(
    /(?:function |^ {2}(?:async |private |readonly )*)(\w+)\(([^{;]*?(?:\{[^{}]*\}[^{;]*?)*)\)[:\s]/gm,
  );
  return [...heads].flatMap(([, name = '', parameters = '']): Taker[] => {
    if (/\bparts: Parts\b|\}: Parts\b/.test(parameters)) return [{ file, name, parts: 'all' }];
    const needs = /Needs<([^>]*)>/.exec(parameters)?.[1];
    return needs === undefined
      ? []
      : [{ file, name, parts: needs.split('|').filter((each) => /\w/.test(each)).length }];
  });
}

const takers = sourceFiles()
  .filter((file) => file.startsWith('run/'))
  .flatMap((file) => takersIn(file, readFileSync(join(SRC, file), 'utf8')));

describe('the parts of a run', () => {
  it('are found where a function takes them', () => {
    expect(takersIn('x.ts', 'export async function f(\n  parts: Parts,\n  at: number,\n): Promise<void> {')).toEqual([
      { file: 'x.ts', name: 'f', parts: 'all' },
    ]);
    expect(takersIn('x.ts', "function g({ view }: Needs<'view' | 'state'>, all: boolean): void {")).toEqual([
      { file: 'x.ts', name: 'g', parts: 2 },
    ]);
    expect(takers.length).toBeGreaterThan(80);
  });

  it(`are taken as a whole by at most ${MAX_WITH_ALL} functions`, () => {
    const whole = takers.filter(({ parts }) => parts === 'all').map(({ file, name }) => `${file} ${name}`);
    expect(whole.length, whole.join('\n')).toBeLessThanOrEqual(MAX_WITH_ALL);
    expect(whole.length).toBeGreaterThan(3);
  });

  it('are otherwise few', () => {
    const wide = takers.filter(({ parts }) => parts !== 'all' && parts > MAX_PARTS);
    expect(wide).toEqual([]);
  });
});
