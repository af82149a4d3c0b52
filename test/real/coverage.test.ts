// SPDX-License-Identifier: Apache-2.0
// Which code ran in a real update: each kernel has what it alone does, early boot included, and a refused update has
// what undoes it. No kernel is built for this, so it goes by functions.
import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { lab, temporary } from './lab.js';

const shown = z.object({
  kernels: z.array(
    z.object({
      name: z.string(),
      blind: z.record(z.string(), z.number()),
      files: z.array(
        z.object({
          path: z.string(),
          functions: z.array(z.object({ name: z.string(), blocks: z.object({ hit: z.number(), total: z.number() }) })),
        }),
      ),
    }),
  ),
});

/** Blocks that ran of each function, by kernel. */
async function coverage(...words: string[]): Promise<Map<string, (name: string) => number>> {
  const results = temporary();
  try {
    const { code, stdout, stderr } = await lab(['coverage', ...words, '--json', '--no-symbols', '--results', results]);
    expect(code, stderr).toBe(0);
    const { kernels } = shown.parse(JSON.parse(stdout));
    expect(kernels.map(({ blind }) => blind)).toEqual(kernels.map(() => ({})));
    return new Map(
      kernels.map(({ name, files }) => {
        const functions = files.flatMap((file) => file.functions);
        return [name, (wanted) => functions.find((each) => each.name === wanted)?.blocks.hit ?? NaN];
      }),
    );
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

it('sees what each kernel of an update ran', async () => {
  const ran = await coverage('scenarios/first-update.yaml');
  const [first, next] = ['7.2.12', '7.3.4'].map((name) => ran.get(name));
  if (first === undefined || next === undefined) throw new Error(`only ${[...ran.keys()].join()}`);
  expect(first('luo_session_preserve_fd')).toBeGreaterThan(0);
  expect(next('luo_session_preserve_fd')).toBe(0);
  expect(first('luo_session_retrieve_fd')).toBe(0);
  expect(next('luo_session_retrieve_fd')).toBeGreaterThan(0);
  // Long before user space, and before the kernel could count anything itself.
  expect(first('kho_populate')).toBe(0);
  // With debug information, blocks of functions that the compiler put into these count elsewhere.
  expect(next('kho_populate')).toBeGreaterThan(5);
  expect(next('memfd_luo_retrieve')).toBeGreaterThan(3);
  // Nothing fails in a plain update.
  expect(first('luo_file_unpreserve_files')).toBe(0);
});

it('tells two kernels of one build apart, and sees what a refused update undoes', async () => {
  const ran = await coverage('scenarios/refused-abort.yaml', '--from', '7.3.4', '--to', '7.3.4');
  const only = ran.get('7.3.4');
  expect([...ran.keys()]).toEqual(['7.3.4']);
  expect(only?.('luo_session_preserve_fd')).toBeGreaterThan(0);
  expect(only?.('memfd_luo_unpreserve')).toBeGreaterThan(0);
  // It never got to another kernel.
  expect(only?.('memfd_luo_retrieve')).toBe(0);
  expect(only?.('luo_session_retrieve_fd')).toBe(0);
});
