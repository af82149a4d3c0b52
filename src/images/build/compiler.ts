// SPDX-License-Identifier: Apache-2.0
// The compiler's version, which is part of every cache key, and the command that kbuild compiles with. The version is
// stored by the identity of the files, so that a warm run does not start gcc.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { z } from 'zod';
import { mustRun } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { readJson } from '../../util/read-json.js';
import { keyOf, writeJson } from '../cache/cache.js';
import type { Workspace } from '../context.js';
import { findProgram } from '../requirements.js';
import { replaceFile } from '../../util/replace-file.js';

/** Identifies a file without reading it: a later file of the same name has another identity. */
export function fileIdentity(path: string): string {
  const real = realpathSync(path);
  const stat = statSync(real, { bigint: true });
  return `${real} ${stat.size} ${stat.mtimeNs} ${stat.ino}`;
}

/** The first lines of `gcc --version` and `ld --version`; null if this host has no gcc. */
export async function compilerVersion(work: Workspace): Promise<string | null> {
  const gcc = findProgram('gcc');
  const ld = findProgram('ld');
  if (gcc === null || ld === null) return null;
  const path = work.cache.fact(keyOf(['compiler', fileIdentity(gcc), fileIdentity(ld)]));
  const known = readJson(path, z.object({ version: z.string() }));
  if (known) return known.version;
  const lines: string[] = [];
  for (const tool of [gcc, ld]) {
    const { stdout } = await mustRun([tool, '--version'], `cannot ask ${tool} for its version`, {
      signal: work.signal,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
    const [first] = stdout.split('\n');
    if (!first) throw new LabError(`${tool} --version printed nothing`);
    lines.push(first);
  }
  const version = lines.join('; ');
  writeJson(path, { version });
  return version;
}

/**
 * Compiles through ccache, except sources that include whole files: without preprocessing, ccache does not see .incbin.
 * It would return the object of another kernel, namely a bzImage whose packed kernel has the same length. Kbuild puts
 * the source last.
 */
const COMPILE = `#!/bin/sh
for source; do :; done
if [ -f "$source" ] && grep -q '[.]incbin' "$source"; then exec gcc "$@"; fi
exec ccache gcc "$@"
`;

/** Writes the command to a file in the cache. */
export function compileCommand(work: Workspace): string {
  const path = work.cache.program('compile');
  if (readText(path) === COMPILE) return path;
  replaceFile(path, COMPILE, { mode: 0o755 });
  return path;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
