// SPDX-License-Identifier: Apache-2.0
// Reads what a kernel knows of a memfd from its own structures in memory: the inode behind a page of the file, and the
// position of the descriptors that are open. Structures: include/linux/fs.h, shmem_fs.h, fdtable.h, sched.h, 6.19 to
// 7.3. Nothing in memory is trusted: every chain is bounded, and what does not fit together is not read.
import { type FileMetadata, sealsText } from '../../model/evidence/handed-over.js';
import type { Pieces } from '../../util/loop/turns.js';
import type { FileField, FilePlaces } from '../../model/kernel/file-places.js';

/** Reads linear memory of the kernel; false if a part of it is not mapped. */
export type ReadLinear = (linear: bigint, into: Uint8Array) => boolean;

/** Inodes, and the positions of all descriptors that are open for each. */
export type Positions = ReadonlyMap<bigint, ReadonlySet<bigint>>;

const MAX_TASKS = 4096;
const MAX_DESCRIPTORS = 65_536;
const POINTER = 8;
/** Descriptors and tasks that are read at once. */
const PIECE = 128;

export class OpenFiles {
  constructor(
    private readonly read: ReadLinear,
    private readonly places: FilePlaces,
  ) {}

  /**
   * Walks the descriptors of all tasks. Threads share their table, which is read once.
   * @param initTask address of the variable `init_task`
   */
  *positions(initTask: bigint): Pieces<Positions> {
    const found = new Map<bigint, Set<bigint>>();
    const tables = new Set<bigint>();
    let left = MAX_DESCRIPTORS;
    const first = initTask + this.offset('task_struct.tasks');
    for (let at: bigint | null = first, tasks = 0; at !== null && tasks < MAX_TASKS; tasks++) {
      const table = this.tableOf(at - this.offset('task_struct.tasks'));
      if (table !== null && !tables.has(table)) {
        tables.add(table);
        for (const file of this.filesIn(table, left)) {
          if (--left % PIECE === 0) yield;
          const inode = this.field(file, 'file.f_inode');
          const position = this.field(file, 'file.f_pos');
          if (inode === null || position === null) continue;
          const known = found.get(inode) ?? new Set();
          found.set(inode, known.add(position));
        }
      }
      if (tasks % PIECE === 0) yield;
      at = this.number(at, POINTER);
      if (at === first) break;
    }
    return found;
  }

  /**
   * What the kernel knows of the file whose pages are in a mapping.
   * @param mapping address of its `struct address_space`; null is returned if that is not the mapping of an inode
   */
  metadata(mapping: bigint, positions: Positions): FileMetadata | null {
    const inode = this.field(mapping, 'address_space.host');
    if (inode === null || this.field(inode, 'inode.i_mapping') !== mapping) return null;
    const mode = this.field(inode, 'inode.i_mode');
    const size = this.field(inode, 'inode.i_size');
    const seals = this.field(inode - this.offset('shmem_inode_info.vfs_inode'), 'shmem_inode_info.seals');
    if (mode === null || size === null || seals === null) return null;
    const [position, other] = positions.get(inode) ?? [];
    return {
      mode: Number(mode),
      size: Number(size),
      seals: Number(seals),
      position: position === undefined || other !== undefined ? null : Number(position),
    };
  }

  private tableOf(task: bigint): bigint | null {
    const files = this.field(task, 'task_struct.files');
    return files === null || files === 0n ? null : this.field(files, 'files_struct.fdt');
  }

  private filesIn(table: bigint, most: number): bigint[] {
    const count = this.field(table, 'fdtable.max_fds');
    const array = this.field(table, 'fdtable.fd');
    if (count === null || array === null) return [];
    const pointers = Buffer.alloc(Math.max(0, Math.min(Number(count), most)) * POINTER);
    if (!this.read(array, pointers)) return [];
    const files: bigint[] = [];
    for (let at = 0; at < pointers.length; at += POINTER) {
      const file = pointers.readBigUInt64LE(at);
      if (file !== 0n) files.push(file);
    }
    return files;
  }

  private offset(field: FileField): bigint {
    return BigInt(this.places[field].offset);
  }

  private field(structure: bigint, field: FileField): bigint | null {
    return this.number(structure + this.offset(field), this.places[field].size);
  }

  private number(at: bigint, size: number): bigint | null {
    const bytes = Buffer.alloc(8);
    return size > 8 || !this.read(at, bytes.subarray(0, size)) ? null : bytes.readBigUInt64LE();
  }
}

/**
 * How a file differs from what it was, in words.
 * @param reader whether somebody may have read the file and so have moved its position
 */
export function metadataProblems(
  before: FileMetadata | null,
  after: FileMetadata | null,
  reader: 'a-stranger' | 'nobody',
): string[] {
  if (before === null || after === null) return [];
  const moved = reader === 'nobody' && before.position !== null && after.position !== null;
  const differ = <T>(what: string, was: T, is: T, text: (value: T) => string) =>
    was === is ? [] : [`${what} ${text(is)}, was ${text(was)}`];
  return [
    ...differ('size', before.size, after.size, String),
    ...differ('mode', before.mode, after.mode, (mode) => `0${mode.toString(8)}`),
    ...differ('seals', before.seals, after.seals, sealsText),
    ...(moved ? differ('position', before.position, after.position, String) : []),
  ];
}
