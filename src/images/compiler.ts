// SPDX-License-Identifier: Apache-2.0
// Which compiler builds: part of every cache key. Asked once, then remembered by the files' identity, so that no run starts gcc for it.
import { realpathSync, statSync } from 'node:fs';
import { mustRun } from '../util/command.js';
import { LabError } from '../util/errors.js';
import { keyOf, readJson, writeJson } from './cache.js';
import type { Workspace } from './context.js';
import { findProgram } from './host.js';

/** What tells a file from a later one of the same name, without reading it. */
export function fileIdentity(path: string): string {
  const real = realpathSync(path);
  const stat = statSync(real, { bigint: true });
  return `${real} ${stat.size} ${stat.mtimeNs} ${stat.ino}`;
}

/** First lines of `gcc --version` and `ld --version`; null where this host has no gcc. */
export async function compilerVersion(work: Workspace): Promise<string | null> {
  const gcc = findProgram('gcc');
  const ld = findProgram('ld');
  if (gcc === null || ld === null) return null;
  const path = work.cache.fact(keyOf(['compiler', fileIdentity(gcc), fileIdentity(ld)]));
  const known = readJson<{ version: string }>(path);
  if (known) return known.version;
  const lines: string[] = [];
  for (const tool of [gcc, ld]) {
    const { stdout } = await mustRun([tool, '--version'], `cannot ask ${tool} for its version`, {
      signal: work.signal,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
    const [first] = stdout.split('\n');
    if (!first) throw new LabError(`${tool} --version said nothing`);
    lines.push(first);
  }
  const version = lines.join('; ');
  writeJson(path, { version });
  return version;
}
