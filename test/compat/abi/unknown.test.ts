// SPDX-License-Identifier: Apache-2.0
// What the lab does not know of a handover is named; what it knows is not.
import { describe, expect, it } from 'vitest';
import { unknownToLab } from '../../../src/compat/index.js';
import type { Structure } from '../../../src/model/kernel/abi.js';

const structure = (name: string, fields: string[]): Structure => ({
  name,
  kind: 'struct',
  size: 8 * fields.length,
  file: null,
  fields: fields.map((field, at) => ({
    name: field,
    offset: 8 * at,
    size: 8,
    type: 'u64',
    shape: 'int64',
    bits: null,
  })),
});
const known = structure('luo_file_ser', ['compatible', 'data', 'token']);
const unknown = (components: string[], ...structures: Structure[]) => unknownToLab({ components, structures });

describe('unknown to the lab', () => {
  it('is nothing of a stock kernel', () =>
    expect(unknown(['kho', 'luo', 'memfd', 'memblock', 'reserve-mem', 'kexec-metadata'], known)).toEqual([]));

  it('is a component without a rule, once; parts of devices have rules under any name', () =>
    expect(unknown(['luo', 'vsock', 'vsock', 'my-vfio-pci', 'iommu-liveupdate'])).toEqual(['component vsock']));

  it('is a structure that no code of the lab reads', () =>
    expect(unknown(['luo'], structure('guest_memfd_luo_ser', ['a', 'b']))).toEqual([
      'struct guest_memfd_luo_ser, 16 bytes',
    ]));

  it('is a field that no kernel had so far, but not the fields of a structure in it', () =>
    expect(
      unknown(['luo'], structure('luo_session_ser', ['name', 'file_set_ser', 'file_set_ser.files', 'flags'])),
    ).toEqual(['field luo_session_ser.flags, u64 at 24']));

  it('is not what the lab made itself', () =>
    expect(unknown(['object'], structure('object_v4_ser', ['x']), structure('lukeep_pci_ser', ['y']))).toEqual([]));

  it('is only what was read: layouts may be unknown as a whole', () =>
    expect(unknownToLab({ components: ['luo'], structures: null })).toEqual([]));
});
