// SPDX-License-Identifier: Apache-2.0
// The form of the C code in lab/, as far as it needs no kernel source. `npm run lint:c` checks the rest.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const LAB = join(import.meta.dirname, '../../lab');
const MAX_COLUMNS = 100;
const MAX_FILES = 15;
const TAB = 8;

interface CFile {
  name: string;
  text: string;
}

const ALL = readdirSync(LAB, { recursive: true, encoding: 'utf8' }).filter((name) =>
  statSync(join(LAB, name)).isFile(),
);
const FILES: CFile[] = ALL.filter((name) => /\.[ch]$/.test(name)).map((name) => ({
  name,
  text: readFileSync(join(LAB, name), 'utf8'),
}));

function widthOf(line: string): number {
  return line.split('').reduce((width, char) => (char === '\t' ? width + TAB - (width % TAB) : width + 1), 0);
}

function longLines({ name, text }: CFile): string[] {
  return text.split('\n').flatMap((line, at) => (widthOf(line) > MAX_COLUMNS ? [`${name}:${at + 1}`] : []));
}

/** Functions that other files can call and that have no kernel-doc right above them. */
function undocumented({ name, text }: CFile): string[] {
  const starts = text.matchAll(/^(?!static\b|struct \w+ \{|union|enum)[a-z][\w \t*]*?\b(\w+)\([^;{}]*\)\n\{/gm);
  return [...starts].flatMap((match) => {
    const before = text.slice(0, match.index);
    const comment = before.endsWith(' */\n') ? before.slice(before.lastIndexOf('/*')) : '';
    return match[1] === 'main' || comment.startsWith(`/**\n * ${match[1]}() - `) ? [] : [`${name}: ${match[1]}`];
  });
}

describe('C code of lab/', () => {
  it('has a license in its first line', () => {
    const wanted = /^(\/\/ SPDX-License-Identifier: GPL-2\.0|\/\* SPDX-License-Identifier: GPL-2\.0[^\n]* \*\/)/;
    expect(FILES.filter(({ text }) => !wanted.test(text)).map(({ name }) => name)).toEqual([]);
  });

  it(`has at most ${MAX_COLUMNS} columns`, () => {
    expect(FILES.flatMap(longLines)).toEqual([]);
    expect(longLines({ name: 'x.c', text: `${'\t'.repeat(12)}12345\n${'\t'.repeat(12)}1234` })).toEqual(['x.c:1']);
  });

  it('describes every function that other files can call', () => {
    expect(FILES.flatMap(undocumented)).toEqual([]);
    const plain = '/* Adds. */\nint add(int a,\n\t    int b)\n{\n}\n\nstatic int sub(int a)\n{\n}\n';
    expect(undocumented({ name: 'x.c', text: plain })).toEqual(['x.c: add']);
    expect(undocumented({ name: 'x.c', text: `/**\n * add() - Add.\n */\n${plain.slice(12)}` })).toEqual([]);
  });

  it(`has at most ${MAX_FILES} files in a folder`, () => {
    const folders = FILES.map(({ name }) => dirname(name));
    const counted = [...new Set(folders)].map((folder) => ({
      folder,
      files: folders.filter((other) => other === folder).length,
    }));
    expect(counted.filter(({ files }) => files > MAX_FILES)).toEqual([]);
    expect(counted.length).toBeGreaterThan(10);
  });

  it('is all there', () => {
    expect(FILES.length).toBeGreaterThan(90);
  });
});
