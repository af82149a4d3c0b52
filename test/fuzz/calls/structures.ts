// SPDX-License-Identifier: Apache-2.0
// Layouts of the structures that matter to sequences of calls, as 7.3 has them.
import type { Field, Structure } from '../../../src/model/kernel/abi.js';

function field(name: string, offset: number, size: number, type: string): Field {
  return { name, offset, size, type, shape: type, bits: null };
}

function struct(name: string, size: number, fields: Field[] = []): Structure {
  return { name, kind: 'struct', size, file: null, fields };
}

export const STRUCTURES: readonly Structure[] = [
  struct('kho_block_header_ser', 16),
  struct('luo_session_header_ser', 8),
  struct('luo_session_ser', 80, [field('name', 0, 64, 'char[64]')]),
  struct('luo_file_ser', 64),
  struct('memfd_luo_folio_ser', 16),
  struct('kho_vmalloc_chunk', 4096, [field('phys[]', 8, 8, 'u64')]),
];
