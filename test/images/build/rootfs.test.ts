// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseLdd } from '../../../src/images/build/rootfs.js';
import { editDistance, nearest } from '../../../src/util/text/nearest.js';
import { thinOut, type Progress } from '../../../src/util/progress.js';

describe('libraries of a program', () => {
  it('are collected together with the loader, with the paths that it uses', () => {
    const output =
      '\tlinux-vdso.so.1 (0x00007f82dae92000)\n' +
      '\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f82dad36000)\n' +
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007f82dae94000)\n';
    expect(parseLdd(output, 'dropbear')).toEqual(['/lib/x86_64-linux-gnu/libz.so.1', '/lib64/ld-linux-x86-64.so.2']);
    expect(parseLdd('\tstatically linked\n', 'x')).toEqual([]);
  });

  it('a missing one is an error', () => {
    expect(() => parseLdd('\tlibz.so.1 => not found\n', 'dropbear')).toThrow(
      'dropbear cannot run on this host: libz.so.1 => not found',
    );
  });
});

it('progress is thinned out, except its end', () => {
  const seen: Progress[] = [];
  const report = thinOut((progress) => seen.push(progress));
  for (let done = 1; done <= 1000; done++) report({ task: 'a', done, of: 1000 });
  report({ task: 'b', done: 1, of: null });
  expect(seen.length).toBeLessThan(10);
  expect(seen[0]).toMatchObject({ task: 'a', done: 1 });
  expect(seen.at(-2)).toMatchObject({ task: 'a', done: 1000 });
  expect(seen.at(-1)).toMatchObject({ task: 'b', done: 1 });
});

it('the nearest word', () => {
  expect(editDistance('kernel', 'kernle')).toBe(1);
  expect(nearest('7.3.3', ['7.3.4', '6.18.15'])).toBe('7.3.4');
  expect(nearest('zzzzzz', ['7.3.4', 'rootfs'])).toBeNull();
});
