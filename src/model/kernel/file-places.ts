// SPDX-License-Identifier: Apache-2.0
// Where a kernel keeps what it knows of an open file: fields of its own structures, which differ with its version and
// its configuration.

/**
 * `structure.field`, from include/linux/fs.h, shmem_fs.h, fdtable.h and sched.h of 6.19 to 7.3. All of them are needed
 * to read a memfd's inode and its position.
 */
export const FILE_FIELDS = [
  'address_space.host',
  'inode.i_mode',
  'inode.i_size',
  'inode.i_mapping',
  'shmem_inode_info.vfs_inode',
  'shmem_inode_info.seals',
  'task_struct.tasks',
  'task_struct.files',
  'files_struct.fdt',
  'fdtable.max_fds',
  'fdtable.fd',
  'file.f_inode',
  'file.f_pos',
] as const;
export type FileField = (typeof FILE_FIELDS)[number];

/** In bytes, from the start of the structure. */
export interface FieldPlace {
  offset: number;
  size: number;
}

export type FilePlaces = Readonly<Record<FileField, FieldPlace>>;
