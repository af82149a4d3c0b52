// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';

/**
 * What lies at a path. Never throws: a path that somebody wrote may be too long, hold a zero byte, or go round in
 * links.
 */
export function pathKind(path: string): 'file' | 'folder' | 'other' | null {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return null;
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
  } catch {
    return null;
  }
}
