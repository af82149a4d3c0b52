// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { versionIn } from '../../../src/cli/common/version.js';
import { LabError } from '../../../src/util/errors.js';
import { temporaryFolder } from '../../util/temporary.js';

it('the version is the one in package.json', () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, 'package.json'), '{"name":"liveupdate-lab","version":"1.2.3"}');
  expect(versionIn(dir)).toBe('1.2.3');
});

it.each(['{"name":"liveupdate-lab"}', '{"version":1}', 'null', '{'])(
  'a package.json without one is refused: %s',
  (text) => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'package.json'), text);
    expect(() => versionIn(dir)).toThrow(LabError);
  },
);
