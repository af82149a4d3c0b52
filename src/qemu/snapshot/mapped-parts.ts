// SPDX-License-Identifier: Apache-2.0
// Where a process has mapped a file for itself, from /proc/PID/maps (proc_pid_maps(5)).

/** A part of the file, and where it is mapped. In bytes. */
export interface MappedPart {
  offset: number;
  length: number;
  address: number;
}

/** Finds lines such as `7f0000000000-7f0040000000 rw-p 00000000 fe:00 123  /cache/ram`. */
export function mappedParts(maps: string, file: { path: string; inode: number }): MappedPart[] {
  const all = maps.split('\n').flatMap((line) => {
    const [, from = '', to = '', offset = '', inode = '', path = ''] =
      /^([0-9a-f]+)-([0-9a-f]+) rw-p ([0-9a-f]+) \S+ (\d+)\s+(.*)$/.exec(line) ?? [];
    const address = parseInt(from, 16);
    return path === ''
      ? []
      : [{ path, inode: Number(inode), offset: parseInt(offset, 16), length: parseInt(to, 16) - address, address }];
  });
  const named = all.filter(({ path }) => path === file.path);
  // A sandbox may show the file under another name.
  const found = named.length > 0 ? named : all.filter(({ inode }) => inode === file.inode);
  return found.map(({ offset, length, address }) => ({ offset, length, address }));
}
