// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { fromMemory } from '../../../src/compat/binary/bytes.js';
import { parseVersions, versionsOfImage } from '../../../src/compat/binary/sections.js';
import { compileC, generator } from './objects.js';

function section(entries: readonly string[], magic = 0x4c565550, version = 1): Buffer {
  const bytes = Buffer.alloc(8 + entries.length * 48);
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(version, 4);
  for (const [index, entry] of entries.entries()) bytes.write(entry, 8 + index * 48, 'latin1');
  return bytes;
}

const GOOD = [
  'object-v2\0object-v1\0object',
  'luo-v5',
  'memfd-v1',
  'memfd-v2',
  'kho-v4;vmalloc-v1',
  'kexec-metadata 1',
];

describe('the content of .liveupdate_versions', () => {
  it('is read in all notations of a version', () => {
    expect(parseVersions(section(GOOD))).toEqual({
      state: 'known',
      components: [
        { name: 'object', version: 2 },
        { name: 'object', version: 1 },
        { name: 'luo', version: 5 },
        { name: 'memfd', version: 1 },
        { name: 'memfd', version: 2 },
        { name: 'kho', version: 4 },
        { name: 'vmalloc', version: 1 },
        { name: 'kexec-metadata', version: 1 },
      ],
    });
    // A `compatible` list: several texts in an entry, the general name last.
    const list = {
      state: 'known',
      components: [
        { name: 'object', version: 2 },
        { name: 'object', version: 1 },
      ],
    };
    for (const entries of [
      ['object-v2\0object-v1'],
      ['object-v2\0object-v1\0object'],
      ['object-v2', 'object-v1'],
      ['object 2', 'object 1'],
    ])
      expect(parseVersions(section(entries))).toEqual(list);
    expect(parseVersions(section([`${'x'.repeat(44)}-v1`]))).toEqual({
      state: 'known',
      components: [{ name: 'x'.repeat(44), version: 1 }],
    });
    expect(parseVersions(section([]))).toEqual({ state: 'known', components: [] });
    expect(parseVersions(section(['memfd-v2', 'memfd-v2']))).toEqual({
      state: 'known',
      components: [{ name: 'memfd', version: 2 }],
    });
  });

  it.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'cut off: 0 bytes'],
    ['a header that is cut off', section([]).subarray(0, 7), 'cut off: 7 bytes'],
    ['another magic', section(GOOD, 0x12345678), 'damaged: it begins with 0x12345678'],
    ['the magic in the other byte order', section(GOOD, 0x5055564c), 'damaged'],
    ['a version of the header that nobody knows', section(GOOD, undefined, 2), 'header version 2 is not known'],
    ['half an entry', section(GOOD).subarray(0, -24), 'not a whole number of entries'],
    ['an entry without an end', section(['x'.repeat(48)]), 'not padded with NUL'],
    ['something behind the end of an entry', section(['memfd-v2\0x']), "'x' is not a component"],
    ['a gap between two texts of an entry', section(['memfd-v2\0\0memfd-v1']), 'not padded with NUL'],
    ['an entry that begins with NUL', section(['\0memfd-v2']), 'not padded with NUL'],
    ['an empty entry', section(['memfd-v2', '']), 'no component in an empty text'],
    ['a name without a version', section(['memfd']), "'memfd' is not a component"],
    ['a version that is no number', section(['memfd-vx']), 'is not a component'],
    ['a number without an end', section([`memfd-v${'9'.repeat(30)}`]), 'is not a component'],
    ['control characters', section(['mem\x1b[2Jfd-v1']), "'mem?[2Jfd-v1' is not a component"],
    ['more than any kernel has', Buffer.concat([section([]), Buffer.alloc(48 * 5000)]), 'more than any kernel needs'],
  ])('%s: unknown', (_what, bytes, why) => {
    const answer = parseVersions(bytes);
    expect(answer.state).toBe('unknown');
    if (answer.state === 'unknown') expect(answer.why).toContain(why);
  });

  it('gives an answer for random bytes', () => {
    const random = generator(3);
    for (let round = 0; round < 5000; round++) {
      const bytes = section(GOOD);
      for (let change = 0; change <= random(6); change++) bytes[random(bytes.length)] = random(256);
      const answer = parseVersions(bytes.subarray(0, random(2) === 0 ? bytes.length : random(bytes.length)));
      if (answer.state === 'known') expect(answer.components.length).toBeLessThanOrEqual(16);
    }
  });
});

describe('a vmlinux', () => {
  const source = (entries: readonly string[]) => {
    const texts = entries.map((text) => `.ascii \\"${text}\\"; .skip ${48 - text.length}`).join('; ');
    return `__asm__(".section .liveupdate_versions,\\"a\\"; .long 0x4c565550, 1; ${texts}; .text");\n`;
  };

  it('with the section has known versions', () => {
    expect(versionsOfImage(fromMemory(compileC(source(['luo-v5', 'memfd-v2']))))).toEqual({
      state: 'known',
      components: [
        { name: 'luo', version: 5 },
        { name: 'memfd', version: 2 },
      ],
    });
  });

  it('without it: absent, which is not an error', () => {
    expect(versionsOfImage(fromMemory(compileC('int x;')))).toEqual({ state: 'absent' });
  });

  it('that is damaged or cut off anywhere still gives an answer', () => {
    const whole = compileC(source(['luo-v5', 'memfd-v2']));
    expect(versionsOfImage(fromMemory(Buffer.from('MZ')))).toMatchObject({ state: 'unknown' });
    for (let length = 0; length < whole.length; length += 11)
      expect(['unknown', 'absent', 'known']).toContain(versionsOfImage(fromMemory(whole.subarray(0, length))).state);
    const random = generator(4);
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(whole);
      for (let change = 0; change <= random(4); change++) bytes[random(bytes.length)] = random(256);
      versionsOfImage(fromMemory(bytes));
    }
  });

  it('with two such sections: unknown', () => {
    const bytes = Buffer.from(
      compileC(`${source(['luo-v5'])}__asm__(".section .liveupdate_versiont,\\"a\\"; .long 1; .text");`),
    );
    const at = bytes.indexOf('.liveupdate_versiont');
    bytes.write('s', at + '.liveupdate_version'.length);
    expect(versionsOfImage(fromMemory(bytes))).toEqual({ state: 'unknown', why: 'more than one .liveupdate_versions' });
  });
});
