// SPDX-License-Identifier: Apache-2.0
// S12: a kernel name that is no definition was looked up as a file in the working directory, also for bundles: a name
// such as "downloads" booted, or compiled, what happened to lie there.
import { expect, it, onTestFinished } from 'vitest';
import { resolveKernel } from '../../src/images/index.js';
import { UsageError } from '../../src/util/errors.js';
import { folderOf, PLAIN, problemsOf } from './refusal.js';

it('a name without a slash is never a file, and a definition here needs its ending', () => {
  const folder = folderOf({
    'downloads/bzImage': 'x',
    vmlinuz: 'x',
    'mine.yaml': 'description: mine\nbase: "7.3.4"\n',
  });
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  for (const name of ['downloads', 'vmlinuz', 'mine']) {
    expect(() => resolveKernel(name)).toThrow(UsageError);
    expect(() => resolveKernel(name)).toThrow(`no kernel "${name}"`);
  }
  expect(hintOf('downloads')).toBe('./downloads   if you mean the file or folder here');
  expect(hintOf('nothing')).toBeNull();
  for (const path of ['./downloads', './vmlinuz', `${folder}/downloads`])
    expect(resolveKernel(path), path).toMatchObject({ kind: 'files' });
  // What the user types; in data not even this.
  expect(resolveKernel('mine.yaml')).toMatchObject({ kind: 'definition' });
  expect(problemsOf(PLAIN.replace('7.2.12', 'mine.yaml'), folder)[0]).toContain('would use the kernel "mine.yaml"');
});

function hintOf(name: string): string | null {
  try {
    resolveKernel(name);
  } catch (error) {
    if (error instanceof UsageError) return error.hint;
  }
  throw new Error(`${name} was found`);
}
