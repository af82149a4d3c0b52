// SPDX-License-Identifier: Apache-2.0
// Archives of an attacker: any header, any content.
import { Header } from 'tar';

export type TarType = 'File' | 'SymbolicLink' | 'Link' | 'Directory' | 'CharacterDevice' | 'FIFO';

export interface TarEntry {
  path: string;
  data?: string | Buffer;
  type?: TarType;
  linkpath?: string;
  mode?: number;
  uid?: number;
  /** Instead of the length of the data. */
  size?: number;
}

export function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap(({ path, data = '', type = 'File', linkpath = '', mode = 0o644, uid = 0, size }) => {
    const bytes = Buffer.from(data);
    const about = { path, mode, size: size ?? bytes.length, type, linkpath, mtime: new Date(0), uid, gid: uid };
    const header = new Header(about);
    header.encode();
    return [header.block as Buffer, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
