// SPDX-License-Identifier: Apache-2.0
// A small program linked where a kernel lies, read by the lab and by binutils.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debugSections, functionsOf, readElf, readFunctions, readLineUnits } from '../../src/compat/index.js';
import { disassemble } from '../../src/coverage/code/disassembly.js';
import { baseName, type KernelCode, readKernelCode } from '../../src/coverage/code/kernel-code.js';
import { linesOf, RanCode, tally } from '../../src/coverage/code/tally.js';
import { lcov } from '../../src/coverage/report/lcov.js';
import { mergeRuns } from '../../src/coverage/report/merge.js';
import { missedLines, reachedBy } from '../../src/coverage/report/questions.js';
import { withFile } from '../../src/images/index.js';
import type { KernelImage } from '../../src/model/kernel/image.js';

// prettier-ignore
const SOURCE = [
  'extern int ext(int);',                        // 1
  'static inline int twice(int a)',              // 2
  '{',                                           // 3
  '\tif (a > 100)',                              // 4
  '\t\treturn ext(a);',                          // 5
  '\treturn 2 * a;',                             // 6
  '}',                                           // 7
  'int luo_one(int a)',                          // 8
  '{',                                           // 9
  '\tif (a < 0)',                                // 10
  '\t\treturn ext(7);',                          // 11
  '\treturn twice(a) + ext(3);',                 // 12
  '}',                                           // 13
  '__attribute__((noipa)) int ext(int b)',       // 14
  '{',                                           // 15
  '\tasm volatile("nop" : "+r"(b));',            // 16
  '\treturn b;',                                 // 17
  '}',                                           // 18
].join('\n');

const dir = mkdtempSync(join(tmpdir(), 'lab-lines-'));
const program = (version: number): string => join(dir, `vmlinux-${version}`);
const gcc = (...args: string[]) => execFileSync('gcc', args, { cwd: dir });

beforeAll(() => {
  writeFileSync(join(dir, 'luo_x.c'), SOURCE);
  for (const version of [4, 5]) {
    const flags = ['-O2', `-gdwarf-${version}`, '-ffreestanding', '-fno-pic', '-mcmodel=kernel', '-fno-ipa-ra'];
    gcc(...flags, '-fno-inline-functions-called-once', '-fcf-protection=none', '-c', 'luo_x.c', '-o', 'x.o');
    execFileSync('ld', ['-Ttext=0xffffffff81000000', '-e', 'luo_one', 'x.o', '-o', program(version)], { cwd: dir });
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const unitsOf = (version: number) =>
  withFile(program(version), (source) => {
    const sections = debugSections(readElf(source));
    if (sections === null) throw new Error('no debug information');
    const units = readLineUnits(sections, () => true);
    return { units, functions: readFunctions(sections, new Set(units.map(({ at }) => at))) };
  });

/** Address and line of each row, as objdump decodes the same table; the last row of a sequence has no code. */
function decoded(version: number): [number, number][] {
  const text = execFileSync('objdump', ['--dwarf=decodedline', program(version)], { encoding: 'latin1' });
  return [...text.matchAll(/^luo_x\.c +(\d+|-) +0xffffffff([0-9a-f]{8})/gm)].map(([, line = '', at = '']) => [
    parseInt(at, 16),
    Number(line),
  ]);
}

function symbol(name: string): { start: number; end: number } {
  const found = withFile(program(5), functionsOf).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  const start = Number(found.address & 0xffffffffn);
  return { start, end: start + found.size };
}

describe.each([4, 5])('lines of DWARF %i', (version) => {
  it('are those that objdump decodes', () => {
    const rows = unitsOf(version).units.flatMap((unit) => unit.rows);
    expect(rows.length).toBeGreaterThan(8);
    // Of several rows at one address, the last one holds.
    const last = new Map(decoded(version));
    expect(rows.map(({ address, line }) => [address, line])).toEqual(
      rows.map(({ address }) => [address, last.get(address)]),
    );
    const addresses = [...last.keys()].sort((a, b) => a - b);
    expect(rows.map(({ end }) => addresses.includes(end)).every(Boolean)).toBe(true);
  });

  it('come with the functions of the source, inlined ones too', () => {
    const all = [...unitsOf(version).functions.values()].flat().map(({ name, line }) => `${name}:${line}`);
    expect(all.sort()).toEqual(['ext:14', 'luo_one:8', 'twice:2']);
  });
});

describe('the code of a kernel', () => {
  let code: KernelCode;
  let one: { start: number; end: number };
  let other: { start: number; end: number };
  beforeAll(async () => {
    one = symbol('luo_one');
    other = symbol('ext');
    const ranges = [one, other].sort((a, b) => a.start - b.start);
    const image = { name: 'k', sha256: 'ab', vmlinux: program(5), systemMap: null } as KernelImage & {
      vmlinux: string;
    };
    code = await readKernelCode(image, { ranges, boot: 0, jump: 0 }, program(5), new AbortController().signal);
  });

  it('has its lines, and none of headers', () => {
    expect(code.files?.map(({ path }) => path.endsWith('luo_x.c'))).toEqual([true]);
    const [file] = code.files ?? [];
    if (file === undefined) throw new Error('no file');
    const lines = [...linesOf(file, new RanCode([])).keys()];
    expect(lines).toEqual(expect.arrayContaining([4, 5, 6, 10, 11, 12, 16]));
    expect(lines).not.toContain(1);
  });

  it('that ran counts by function of the source', () => {
    const [nothing] = tally(code, new RanCode([]));
    expect(nothing?.lines.hit).toBe(0);
    const [all] = tally(code, new RanCode([one, other].map(({ start, end }) => [start, end - start])));
    expect(all?.lines.hit).toBe(all?.lines.total);
    expect(all?.blocks.hit).toBe(all?.blocks.total);
    expect(all?.functions.map(({ name }) => name)).toEqual(['twice', 'luo_one', 'ext']);
    const [half] = tally(code, new RanCode([[other.start, other.end - other.start]]));
    expect(half?.functions.map(({ lines }) => lines.hit > 0)).toEqual([false, false, true]);
  });

  it('has two ways for each conditional jump', () => {
    const [at, target, next] = code.branches[0] ?? [0, 0, 0];
    const before: [number, number] = [one.start, next - one.start];
    const hits = (...begun: number[]) =>
      tally(code, new RanCode([before, ...begun.map((start): [number, number] => [start, 1])]))[0]?.branches.hit;
    expect(at).toBeGreaterThanOrEqual(one.start);
    expect([hits(), hits(next), hits(target), hits(next, target)]).toEqual([0, 1, 1, 2]);
  });

  it('answers which runs reach a line, and which lines nothing reaches', () => {
    const run = (label: string, blocks: [number, number][]) => ({
      label,
      coverage: {
        schema: 1 as const,
        epochs: [{ epoch: 0, kernel: { name: 'k', sha256: 'ab' }, blind: null, blocks }],
      },
    });
    const [merged] = mergeRuns([
      run('a', [[one.start, 1]]),
      run('b', [[other.start, other.end - other.start]]),
      run('b', [[other.start, other.end - other.start]]),
    ]);
    if (merged === undefined) throw new Error('nothing');
    expect(reachedBy(code, merged, 'luo_x.c', 16)).toMatchObject({ kind: 'code', runs: new Map([['b', 2]]) });
    expect(reachedBy(code, merged, 'luo_x.c', 5)).toMatchObject({ kind: 'code', runs: new Map() });
    expect(reachedBy(code, merged, 'luo_x.c', 1)).toMatchObject({ kind: 'no-code', nearest: 4 });
    expect(reachedBy(code, merged, 'other.c', 1)).toEqual({ kind: 'no-file' });
    const missed = missedLines(code.files ?? [], merged.ran);
    expect(missed.some(({ function: name }) => name === 'ext')).toBe(false);
    expect(missed.some(({ first, last }) => first <= 5 && last >= 5)).toBe(true);
    const trace = lcov([{ merged, code }]);
    expect(trace).toContain('DA:16,2\n');
    expect(trace).toContain('DA:5,0\n');
    expect(trace).toContain('FN:2,twice\nFN:8,luo_one\nFN:14,ext\n');
    expect(trace).toMatch(/LF:(\d+)\nLH:(\d+)\nend_of_record\n$/);
  });

  it('needs no debug information for its blocks', async () => {
    const { blocks } = await disassemble(program(5), [one], new AbortController().signal);
    expect(blocks[0]).toBe(one.start);
    expect(blocks.length).toBeGreaterThan(2);
    expect(blocks.every((at) => at >= one.start && at < one.end)).toBe(true);
  });
});

it('a part of a function has its name', () => {
  expect(['a', 'a.cold', 'a.part.0', 'a.constprop.0.isra.0', 'a.isra.0.cold'].map(baseName)).toEqual(
    Array.from({ length: 5 }, () => 'a'),
  );
});
