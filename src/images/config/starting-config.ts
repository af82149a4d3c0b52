// SPDX-License-Identifier: Apache-2.0
// Provides the configuration that a kernel starts from. A file of a package is fetched once, checked by its digest, and
// kept in the cache.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { commandError, runCommand } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';
import { withLock } from '../../util/process/lock.js';
import { replaceFile } from '../../util/replace-file.js';
import { fileDigest } from '../build/tree.js';
import type { Workspace } from '../context.js';
import type { ConfigOf } from '../definition/config-of.js';
import { ensureTools, programPath } from '../requirements.js';
import { aptFetch } from '../source/apt.js';
import { checkStart } from './built-in.js';

/** Of a configuration; Debian's have 300 KiB. */
export const MAX_CONFIG_BYTES = 8 << 20;

/** Part of a kernel's key. A package's file need not be fetched for it. */
export function configDigest(from: ConfigOf): string {
  return from.kind === 'file' ? fileDigest(from.path) : from.sha256;
}

export function describeConfig(from: ConfigOf): string {
  return from.kind === 'file' ? from.path : `${from.member} of ${from.package}=${from.version} (${from.suite})`;
}

/** The text of the configuration. */
export async function startingConfig(from: ConfigOf, name: string, work: Workspace): Promise<string> {
  const text =
    from.kind === 'file'
      ? readRegularFileSync(from.path, { maxBytes: MAX_CONFIG_BYTES }).toString('utf8')
      : await ofPackage(from, name, work);
  checkStart(text, describeConfig(from));
  return text;
}

async function ofPackage(from: Extract<ConfigOf, { kind: 'package' }>, name: string, work: Workspace): Promise<string> {
  const kept = work.cache.config(from.sha256);
  if (existsSync(kept)) return readFileSync(kept, 'utf8');
  await ensureTools(['fetch', 'unpack'], work);
  return withLock(work.cache.lock(`config-${from.sha256}`), { signal: work.signal }, async (lock) => {
    if (existsSync(kept)) return readFileSync(kept, 'utf8');
    const folder = work.cache.download(`config-${from.sha256}`);
    const task = `configuration of ${name}`;
    const archive = await aptFetch({ ...from, kind: 'apt-binary' }, folder, task, work, lock.fd);
    const text = await unpacked(archive, from, work, lock.fd);
    replaceFile(kept, text);
    rmSync(folder, { recursive: true, force: true });
    return text;
  });
}

/** Checks the file as the package has it, then decompresses it. */
async function unpacked(
  archive: string,
  from: Extract<ConfigOf, { kind: 'package' }>,
  work: Workspace,
  holdFd: number,
): Promise<string> {
  const script =
    'set -e; dpkg-deb --fsys-tarfile "$1" | tar -x -O -f - "./$2" > "$3"; sha256sum "$3" | cut -c1-64; ' +
    'case "$2" in *.xz) xz -dc "$3";; *.gz) gzip -dc "$3";; *) cat "$3";; esac';
  const result = await runCommand(['sh', '-c', script, 'sh', archive, from.member, `${archive}.member`], {
    env: { PATH: programPath(), LC_ALL: 'C' },
    signal: work.signal,
    holdFd,
    maxOutput: MAX_CONFIG_BYTES,
  });
  if (result.code !== 0) throw commandError(`cannot read ${describeConfig(from)}`, ['dpkg-deb'], result);
  const [digest = '', ...lines] = result.stdout.split('\n');
  if (digest !== from.sha256)
    throw new LabError(`${describeConfig(from)} has the SHA-256 ${digest}, but the definition says ${from.sha256}`);
  return lines.join('\n');
}
