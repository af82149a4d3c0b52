// SPDX-License-Identifier: Apache-2.0
// A kernel's open files in made-up memory: two tasks that share a table, one that has its own, a memfd.
import { describe, expect, it } from 'vitest';
import { atOnce } from '../../../src/util/loop/turns.js';
import { FILE_FIELDS, type FilePlaces } from '../../../src/model/kernel/file-places.js';
import { metadataProblems, OpenFiles } from '../../../src/oracles/handed-over/open-files.js';

const BASE = 0xffff_8880_0000_0000n;
/** Fields 8 bytes apart; an inode is behind what shmem has of its own. */
const PLACES = Object.fromEntries(
  FILE_FIELDS.map((field, index) => [
    field,
    {
      offset: field.endsWith('vfs_inode') ? 0x200 : 8 * index,
      size: field === 'inode.i_mode' ? 2 : field.endsWith('seals') ? 4 : 8,
    },
  ]),
) as Record<(typeof FILE_FIELDS)[number], { offset: number; size: number }> satisfies FilePlaces;
const at = (field: (typeof FILE_FIELDS)[number]) => BigInt(PLACES[field].offset);

class Kernel {
  readonly bytes = Buffer.alloc(0x10000);
  reads = 0;
  readonly files = new OpenFiles((linear, into) => {
    this.reads++;
    const from = Number(linear - BASE);
    if (linear < BASE || from + into.length > this.bytes.length) return false;
    this.bytes.copy(into, 0, from, from + into.length);
    return true;
  }, PLACES);

  put(linear: bigint, value: bigint): void {
    this.bytes.writeBigUInt64LE(value, Number(linear - BASE));
  }

  /** Tasks in a ring, each with the table that is given. */
  tasks(tables: readonly bigint[]): bigint {
    const task = (index: number) => BASE + BigInt(0x1000 + 0x100 * (index % tables.length));
    for (const [index, table] of tables.entries()) {
      this.put(task(index) + at('task_struct.tasks'), task(index + 1) + at('task_struct.tasks'));
      this.put(task(index) + at('task_struct.files'), table === 0n ? 0n : table + 0x40n);
      if (table !== 0n) this.put(table + 0x40n + at('files_struct.fdt'), table);
    }
    return task(0);
  }

  table(table: bigint, files: readonly bigint[], count = BigInt(files.length)): void {
    this.put(table + at('fdtable.max_fds'), count);
    this.put(table + at('fdtable.fd'), table + 0x100n);
    for (const [index, file] of files.entries()) this.put(table + 0x100n + BigInt(8 * index), file);
  }

  file(file: bigint, inode: bigint, position: bigint): void {
    this.put(file + at('file.f_inode'), inode);
    this.put(file + at('file.f_pos'), position);
  }

  memfd(inode: bigint, mapping: bigint): void {
    this.put(mapping + at('address_space.host'), inode);
    this.put(inode + at('inode.i_mode'), 0o100777n);
    this.put(inode + at('inode.i_size'), 12_288n);
    this.put(inode + at('inode.i_mapping'), mapping);
    const info = inode - at('shmem_inode_info.vfs_inode');
    this.put(info + at('shmem_inode_info.seals'), 0x9_0000_000an);
  }
}

const INODE = BASE + 0x4000n;
const MAPPING = BASE + 0x5000n;
const TABLE = BASE + 0x6000n;
const OTHER = BASE + 0x7000n;
const FILE = BASE + 0x8000n;

function kernel(): { it: Kernel; initTask: bigint } {
  const it = new Kernel();
  const initTask = it.tasks([0n, TABLE, TABLE, OTHER]);
  it.table(TABLE, [0n, FILE]);
  it.table(OTHER, []);
  it.file(FILE, INODE, 77n);
  it.memfd(INODE, MAPPING);
  return { it, initTask };
}

describe('the open files of a kernel', () => {
  it('give size, mode, seals and position of a memfd', () => {
    const { it: made, initTask } = kernel();
    const positions = atOnce(made.files.positions(initTask));
    expect(made.files.metadata(MAPPING, positions)).toEqual({ mode: 0o100777, size: 12_288, seals: 10, position: 77 });
  });

  it('give no position if nobody has the file open, or two descriptors disagree', () => {
    const { it: made, initTask } = kernel();
    expect(made.files.metadata(MAPPING, new Map())).toMatchObject({ position: null });
    made.table(OTHER, [FILE + 0x100n]);
    made.file(FILE + 0x100n, INODE, 78n);
    expect(made.files.metadata(MAPPING, atOnce(made.files.positions(initTask)))).toMatchObject({
      position: null,
      size: 12_288,
    });
  });

  it('give nothing for a mapping that is not that of its inode', () => {
    const { it: made } = kernel();
    made.put(INODE + at('inode.i_mapping'), MAPPING + 8n);
    expect(made.files.metadata(MAPPING, new Map())).toBeNull();
    expect(made.files.metadata(0n, new Map())).toBeNull();
  });

  it('are bounded in a kernel that lies: lists without an end, tables of any size, addresses that lead nowhere', () => {
    const { it: made, initTask } = kernel();
    const second = initTask + 0x100n + at('task_struct.tasks');
    made.put(second, second);
    made.put(TABLE + at('fdtable.max_fds'), 0xffff_ffff_ffffn);
    expect(atOnce(made.files.positions(initTask)).size).toBe(0);
    expect(made.reads).toBeLessThan(50_000);
    expect(atOnce(made.files.positions(0x10n)).size).toBe(0);
  });
});

describe('what differs between two looks at a file', () => {
  const before = { mode: 0o100600, size: 4096, seals: 1, position: 3 };

  it('is told, but for a position that somebody else may have moved', () => {
    const moved = { ...before, position: 9 };
    expect(metadataProblems(before, moved, 'a-stranger')).toEqual([]);
    expect(metadataProblems(before, moved, 'nobody')).toEqual(['position 9, was 3']);
    expect(metadataProblems(before, { ...before, position: null }, 'nobody')).toEqual([]);
    expect(metadataProblems(before, { mode: 0o100777, size: 0, seals: 0, position: 3 }, 'nobody')).toEqual([
      'size 0, was 4096',
      'mode 0100777, was 0100600',
      'seals none, was seal',
    ]);
  });

  it('is not known without both looks', () => {
    expect(metadataProblems(null, before, 'nobody')).toEqual([]);
    expect(metadataProblems(before, null, 'nobody')).toEqual([]);
  });
});
