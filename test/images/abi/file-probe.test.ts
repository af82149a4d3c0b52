// SPDX-License-Identifier: Apache-2.0
// The table of offsets, as a compiler makes it of headers like the kernel's.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { expect, it } from 'vitest';
import { fromMemory } from '../../../src/compat/index.js';
import { fileProbe, readFilePlaces } from '../../../src/images/abi/file-probe.js';
import { temporaryFolder } from '../folder.js';

const FS = `struct inode { unsigned short i_mode; void *i_mapping; long long i_size; };
struct address_space { struct inode *host; };
struct file { int pad[3]; struct inode *f_inode; long long f_pos; };
`;
const HEADERS: Record<string, string> = {
  'fs.h': FS,
  'shmem_fs.h': 'struct shmem_inode_info { int lock; unsigned int seals; long pad; struct inode vfs_inode; };\n',
  'fdtable.h': 'struct fdtable { unsigned int max_fds; void **fd; };\nstruct files_struct { int count; void *fdt; };\n',
  'sched.h': 'struct task_struct { int state; void *tasks[2]; void *files; };\n',
  'stddef.h': '#include <stddef.h>\n',
};

function tree(leftOut = ''): string {
  const root = temporaryFolder();
  mkdirSync(join(root, 'include/linux'), { recursive: true });
  for (const [name, text] of Object.entries(HEADERS))
    if (name !== leftOut) writeFileSync(join(root, 'include/linux', name), text);
  return root;
}

it('has the offset and the size of each field', () => {
  const root = tree();
  writeFileSync(join(root, 'probe.c'), fileProbe(root) ?? '');
  execaSync('gcc', ['-c', '-Iinclude', '-o', 'probe.o', 'probe.c'], { cwd: root });
  expect(readFilePlaces(fromMemory(readFileSync(join(root, 'probe.o'))))).toMatchObject({
    'inode.i_mode': { offset: 0, size: 2 },
    'inode.i_size': { offset: 16, size: 8 },
    'shmem_inode_info.seals': { offset: 4, size: 4 },
    'shmem_inode_info.vfs_inode': { offset: 16, size: 24 },
    'task_struct.files': { offset: 24, size: 8 },
    'file.f_pos': { offset: 24, size: 8 },
  });
});

it('is not made of a tree without the headers, and not read from an object without the table', () => {
  expect(fileProbe(tree('shmem_fs.h'))).toBeNull();
  const root = tree();
  writeFileSync(join(root, 'none.c'), 'int none;\n');
  execaSync('gcc', ['-c', '-o', 'none.o', 'none.c'], { cwd: root });
  expect(readFilePlaces(fromMemory(readFileSync(join(root, 'none.o'))))).toBeNull();
  expect(readFilePlaces(fromMemory(Buffer.from('no object')))).toBeNull();
});
