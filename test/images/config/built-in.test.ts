// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { builtIn, checkStart, configLine } from '../../../src/images/config/built-in.js';
import { parseFragment } from '../../../src/images/build/fragment.js';
import { LabError } from '../../../src/util/errors.js';

const START = `#
# Automatically generated file; DO NOT EDIT.
CONFIG_X86_64=y
CONFIG_KEXEC_CORE=y
CONFIG_VIRTIO_BLK=m
CONFIG_XFS_FS=m
CONFIG_SWAP=y
# CONFIG_KEXEC_HANDOVER is not set
CONFIG_LOCALVERSION=""
`;

function problem(text: string): string {
  try {
    checkStart(text, 'distro.config');
  } catch (error) {
    expect(error).toBeInstanceOf(LabError);
    return (error as Error).message;
  }
  throw new Error('the configuration was taken');
}

describe('the configuration of a distribution', () => {
  it('loses its modules, and what the fragments say themselves', () => {
    const asked = parseFragment('CONFIG_VIRTIO_BLK=y\nCONFIG_KEXEC_HANDOVER=y\nCONFIG_LOCALVERSION="-lab"\n', 'a');
    const text = builtIn(START, asked);
    expect(text.split('\n').filter((line) => line.includes('CONFIG_'))).toEqual([
      'CONFIG_X86_64=y',
      'CONFIG_KEXEC_CORE=y',
      '# CONFIG_XFS_FS is not set',
      'CONFIG_SWAP=y',
    ]);
  });

  it('takes an option that a fragment turns off in the form that make reads', () => {
    const options = parseFragment('CONFIG_XEN=n\nCONFIG_CMA=y\n', 'a');
    expect(options.map(configLine)).toEqual(['# CONFIG_XEN is not set', 'CONFIG_CMA=y']);
  });

  it('is refused if it is none, or is for another machine', () => {
    expect(problem('hello\n')).toBe(
      'distro.config is not the configuration of a kernel: it has no line CONFIG_NAME=VALUE',
    );
    expect(problem('CONFIG_ARM64=y\nCONFIG_KEXEC_CORE=y\n')).toBe('distro.config lacks CONFIG_X86_64=y');
    expect(problem('CONFIG_ARM64=y\n')).toBe('distro.config lacks CONFIG_X86_64=y and CONFIG_KEXEC_CORE=y');
    checkStart(START, 'distro.config');
  });
});
