// SPDX-License-Identifier: Apache-2.0
// Writes cpio archives that the kernel accepts as an initramfs, and takes parts of them ("newc",
// Documentation/driver-api/early-userspace/buffer-format.rst). The same entries give the same bytes.

export type CpioEntry =
  | { kind: 'dir'; path: string; mode: number }
  | { kind: 'file'; path: string; mode: number; data: Buffer }
  | { kind: 'link'; path: string; target: string }
  | { kind: 'char'; path: string; mode: number; major: number; minor: number };

const TYPE = { dir: 0o040000, file: 0o100000, link: 0o120000, char: 0o020000 };
const KINDS = ['dir', 'file', 'link', 'char'] as const;
const TYPE_BITS = 0o170000;
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

const MAGIC = '070701';
const HEADER = 110;
/** Numbers of eight hexadecimal digits in a header, after its magic. */
const [MODE, SIZE, NAME_SIZE] = [1, 6, 11];

/**
 * Makes an archive of some entries of another one that `cpioArchive` made, as they are. Throws an Error if it is not
 * one.
 */
export function selectCpio(
  archive: Buffer,
  wanted: (entry: { path: string; kind: CpioEntry['kind'] }) => boolean,
): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const number = (index: number) => parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const [mode, size, nameSize] = [number(MODE), number(SIZE), number(NAME_SIZE)];
    if (archive.toString('latin1', at, at + MAGIC.length) !== MAGIC || !Number.isInteger(mode + size + nameSize))
      throw new Error(`no entry of an archive at byte ${at}`);
    const data = at + HEADER + nameSize + padding(HEADER + nameSize).length;
    const end = data + size + padding(size).length;
    if (end > archive.length) throw new Error(`no entry of an archive at byte ${at}: it is cut`);
    const path = archive.toString('latin1', at + HEADER, at + HEADER + nameSize - 1);
    const kind = KINDS.find((each) => TYPE[each] === (mode & TYPE_BITS));
    if (path === TRAILER || (kind !== undefined && wanted({ path, kind }))) parts.push(archive.subarray(at, end));
    if (path === TRAILER) return Buffer.concat(parts);
    at = end;
  }
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
