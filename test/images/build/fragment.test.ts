// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkConfig, parseFragment, unmetOptions } from '../../../src/images/build/fragment.js';
import { packageRoot } from '../../../src/util/package-root.js';

const asked = (text: string) => parseFragment(text, 'f.config');

describe('fragments', () => {
  it('accepts everything that kbuild writes', () => {
    expect(
      asked('# words\n\nCONFIG_A=y\nCONFIG_B="-lab \\"x\\""\n# CONFIG_C is not set\nCONFIG_D=0x10\n').map(
        ({ name, value, line }) => [name, value, line],
      ),
    ).toEqual([
      ['CONFIG_A', 'y', 3],
      ['CONFIG_B', '"-lab \\"x\\""', 4],
      ['CONFIG_C', 'n', 5],
      ['CONFIG_D', '0x10', 6],
    ]);
  });

  it.each(['CONFIG_A', 'A=y', 'CONFIG_A=yes', 'CONFIG_A = y', 'CONFIG_A="x'])('refuses %j with its line', (line) => {
    expect(() => asked(`\n${line}`)).toThrow(/^f\.config:2: /);
  });

  it('the shipped ones are readable and set no option twice', () => {
    const dir = join(packageRoot(), 'images/config');
    for (const file of readdirSync(dir)) {
      const names = parseFragment(readFileSync(join(dir, file), 'utf8'), file).map(({ name }) => name);
      expect(new Set(names).size, file).toBe(names.length);
    }
  });
});

describe('the finished configuration compared with the requested one', () => {
  it.each([
    ['CONFIG_A=y', 'CONFIG_A=y', null],
    ['CONFIG_A=y', 'CONFIG_A=m', 'm'],
    ['CONFIG_A=y', '# CONFIG_A is not set', 'n'],
    ['CONFIG_A=y', 'CONFIG_AB=y', 'n'],
    ['CONFIG_A=n', '', null],
    ['# CONFIG_A is not set', 'CONFIG_A=y', 'y'],
    ['CONFIG_A=8', 'CONFIG_A=64', '64'],
    ['CONFIG_A=16', 'CONFIG_A=0x10', null],
    ['CONFIG_A="-lab"', 'CONFIG_A="-luo"', '"-luo"'],
    ['CONFIG_A="a=b"', 'CONFIG_A="a=b"', null],
  ])('%j in %j', (fragment, config, got) => {
    expect(unmetOptions(asked(fragment), `${config}\n`).map((option) => option.got)).toEqual(got === null ? [] : [got]);
  });

  it('takes the later of two values', () => {
    expect(unmetOptions(asked('CONFIG_A=y\nCONFIG_A=n'), '')).toEqual([]);
  });

  it('names the option, file and line', () => {
    expect(() => checkConfig(asked('CONFIG_A=y\nCONFIG_B=y'), 'CONFIG_A=y\n', '7.3.4')).toThrow(
      'kernel 7.3.4: CONFIG_B=y (f.config:2) is not set as requested',
    );
    try {
      checkConfig(asked('CONFIG_A=y\nCONFIG_B=y'), '', '7.3.4');
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message).toBe('kernel 7.3.4: 2 options are not set as requested');
      expect((error as { detail?: string }).detail).toContain(
        "f.config:2: CONFIG_B=y was requested, but the kernel's configuration has n",
      );
    }
  });
});
