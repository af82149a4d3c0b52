// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseJson } from '../../src/util/json.js';
import { isPackageRoot } from '../../src/util/package-root.js';
import { readJson } from '../../src/util/read-json.js';
import { temporaryFolder } from './temporary.js';

const schema = z.object({ key: z.string() });

describe('a JSON file', () => {
  it('is returned if it fits, without keys of other versions', () => {
    const path = join(temporaryFolder(), 'a.json');
    writeFileSync(path, '{"key":"a","added":"by a newer lab"}');
    expect(readJson(path, schema)).toEqual({ key: 'a' });
  });

  it.each(['', '{"key":', 'null', '[]', '"key"', '{}', '{"key":5}'])('counts as missing if it contains %s', (text) => {
    const path = join(temporaryFolder(), 'a.json');
    writeFileSync(path, text);
    expect(readJson(path, schema)).toBeNull();
    expect(parseJson(text, schema)).toBeNull();
  });

  it('may be missing, or be a folder or a pipe', () => {
    const dir = temporaryFolder();
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    expect(readJson(join(dir, 'pipe'), schema)).toBeNull();
    expect(readJson(join(dir, 'none.json'), schema)).toBeNull();
    expect(readJson(dir, schema)).toBeNull();
  });
});

it.each([
  ['{"name":"liveupdate-lab","version":"1.0.0"}', true],
  ['{"name":"other"}', false],
  ['null', false],
  ['5', false],
  ['{', false],
])('a folder is the root of the package by its package.json: %s', (text, root) => {
  const dir = temporaryFolder();
  expect(isPackageRoot(dir)).toBe(false);
  writeFileSync(join(dir, 'package.json'), text);
  expect(isPackageRoot(dir)).toBe(root);
});
