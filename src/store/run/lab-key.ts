// SPDX-License-Identifier: Apache-2.0
// The user's own secret key. It proves that this lab wrote a run. It never leaves the host.
import { randomBytes } from 'node:crypto';
import { constants, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const KEY_BYTES = 32;

function keyPath(): string {
  const config = process.env['XDG_CONFIG_HOME'];
  return join(config?.startsWith('/') ? config : join(homedir(), '.config'), 'liveupdate-lab', 'seal.key');
}

/** The key; null if there is none, or if other users could have read or written it. */
export function readLabKey(): Buffer | null {
  let fd: number;
  try {
    fd = openSync(keyPath(), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const { uid, mode, size } = fstatSync(fd);
    if (uid !== process.getuid?.() || (mode & 0o077) !== 0 || size !== KEY_BYTES) return null;
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The key, which is made first if it is missing; null if it cannot be. */
export function ensureLabKey(): Buffer | null {
  const known = readLabKey();
  if (known !== null) return known;
  const path = keyPath();
  const partial = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(partial, randomBytes(KEY_BYTES), { flag: 'wx', mode: 0o600 });
    // Fails if another lab was first. Then its key counts.
    linkSync(partial, path);
  } catch {
    // A home that cannot be written, or the other lab's key.
  } finally {
    rmSync(partial, { force: true });
  }
  return readLabKey();
}
