// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { collectDefines, versionsFromDefines } from '../../../src/compat/binary/defines.js';
import { generator } from './objects.js';

const versions = (text: string) => {
  const { components, problems } = versionsFromDefines(collectDefines(text));
  return [...components.map(({ name, version }) => `${name} ${version}`), ...problems];
};

describe('versions in the source', () => {
  it.each([
    ['#define KHO_FDT_COMPATIBLE "kho-v1"', ['kho 1']],
    ['#define\tMEMFD_LUO_FH_COMPATIBLE\t"memfd-v2" /* the handler */', ['memfd 2']],
    ['# define KHO_KEXEC_METADATA_VERSION 1 // bumped with the layout', ['kexec-metadata 1']],
    [
      '#define A_COMPATIBLE "kho-v4;vmalloc-v1;" \\\n\tRADIX\n#define RADIX "radix-v10"',
      ['kho 4', 'radix 10', 'vmalloc 1'],
    ],
    ['#define X_COMPATIBLE Y_COMPATIBLE\n#define Y_COMPATIBLE "luo-v5"', ['luo 5']],
    ['#define LIST_COMPATIBLE "luo-v5\\0luo-v4"', ['luo 4', 'luo 5']],
    // A name, and a number that the kernel stores in the structure.
    ['#define PCI_LUO_FLB_COMPATIBLE "pci"\n#define PCI_LUO_FLB_VERSION 2', ['pci 2']],
    [
      '#define IOMMU_LUO_FLB_COMPATIBLE "iommu-liveupdate"\n#define IOMMU_LUO_FLB_VERSION (0x1UL)',
      ['iommu-liveupdate 1'],
    ],
    ['#define A_COMPATIBLE "pci"\n#define A_VERSION NEWEST\n#define NEWEST 3', ['pci 3']],
    ['#define A_COMPATIBLE "pci-v2"\n#define A_VERSION 7', ['pci 2']],
    [
      '#define A_COMPATIBLE "pci"\n#define A_VERSION sizeof(x)',
      ["A_COMPATIBLE: 'pci' is not a component: expected NAME-vN, with N an integer"],
    ],
    // Not versions: a length, a define with parameters, an unknown number, a loop.
    ['#define LUO_ABI_COMPAT_LEN\tALIGN(sizeof(LUO_ABI_COMPATIBLE), 8)', []],
    ['#define TEST_COMPATIBLE(i) "test-v" #i', []],
    ['#define KHO_OTHER_VERSION KHO_KEXEC\n#define FOO_VERSION 3', []],
    ['#define A_COMPATIBLE B_COMPATIBLE\n#define B_COMPATIBLE A_COMPATIBLE', []],
    [
      '#define BROKEN_COMPATIBLE "memfd"',
      ["BROKEN_COMPATIBLE: 'memfd' is not a component: expected NAME-vN, with N an integer"],
    ],
  ])('%j', (text, expected) => expect(versions(text)).toEqual(expected));

  it('give an answer for any text', () => {
    const random = generator(5);
    const pieces = [
      '#define ',
      'A_COMPATIBLE',
      ' ',
      '"kho-v1"',
      '\\\n',
      '\n',
      '"',
      '\\',
      'B_COMPATIBLE',
      '(x)',
      '/*',
      '*/',
      '\0',
      ';',
    ];
    for (let round = 0; round < 2000; round++)
      versions(Array.from({ length: random(40) }, () => pieces[random(pieces.length)]).join(''));
  });
});
