// SPDX-License-Identifier: Apache-2.0
// Writes a cpio archive that the kernel accepts as an initramfs ("newc",
// Documentation/driver-api/early-userspace/buffer-format.rst). The same entries give the same bytes.

export type CpioEntry =
  | { kind: 'dir'; path: string; mode: number }
  | { kind: 'file'; path: string; mode: number; data: Buffer }
  | { kind: 'link'; path: string; target: string }
  | { kind: 'char'; path: string; mode: number; major: number; minor: number };

const TYPE = { dir: 0o040000, file: 0o100000, link: 0o120000, char: 0o020000 };
const TRAILER = 'TRAILER!!!';

/** Writes an archive. Paths are relative, without a leading slash; a folder must come before its content. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  const made = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    checkPath(entry.path, made);
    if (entry.kind === 'dir') made.add(entry.path);
    const data =
      entry.kind === 'file' ? entry.data : entry.kind === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0);
    const mode = TYPE[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode);
    const [major, minor] = entry.kind === 'char' ? [entry.major, entry.minor] : [0, 0];
    parts.push(
      header(entry.path, {
        ino: index + 1,
        mode,
        nlink: entry.kind === 'dir' ? 2 : 1,
        size: data.length,
        major,
        minor,
      }),
      data,
      padding(data.length),
    );
  }
  parts.push(header(TRAILER, { ino: 0, mode: 0, nlink: 1, size: 0, major: 0, minor: 0 }));
  return Buffer.concat(parts);
}

function checkPath(path: string, made: ReadonlySet<string>): void {
  if (
    path === '' ||
    path.startsWith('/') ||
    path.split('/').some((part) => part === '' || part === '.' || part === '..')
  ) {
    throw new Error(`${JSON.stringify(path)} is not a valid path in an archive`);
  }
  const folder = path.split('/').slice(0, -1).join('/');
  // The kernel creates no folders by itself: it silently drops entries of a missing folder.
  if (folder !== '' && !made.has(folder)) throw new Error(`${path} comes before its folder`);
}

interface HeaderFields {
  ino: number;
  mode: number;
  nlink: number;
  size: number;
  major: number;
  minor: number;
}

function header(path: string, fields: HeaderFields): Buffer {
  const name = Buffer.from(`${path}\0`);
  const { ino, mode, nlink, size, major, minor } = fields;
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const numbers = [ino, mode, 0, 0, nlink, 0, size, 0, 0, major, minor, name.length, 0];
  const text = `070701${numbers.map(hex).join('')}`;
  return Buffer.concat([Buffer.from(text), name, padding(text.length + name.length)]);
}

function hex(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new Error(`${value} does not fit into a cpio header`);
  return value.toString(16).padStart(8, '0');
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
