// SPDX-License-Identifier: Apache-2.0
// Makes a Debian in a folder, with a Node and a clone of this checkout. What exists is used again.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../util/errors.js';
import { packageRoot } from '../../util/package-root.js';
import { mustRun } from '../../util/process/command.js';
import { findProgram } from '../../images/index.js';
import { enter, KVM_GROUP, USER } from './enter.js';
import { type Host, type HostPlan, planName } from './host.js';
import { kernelsFor, shareKernels } from './kernels.js';
import { connect, debianMirror, networkEnv } from './mirror.js';
import { installNode } from './node.js';
import type { HostsOptions } from './options.js';

export interface HostContext {
  options: Pick<HostsOptions, 'folder' | 'fresh' | 'cold' | 'scenarios' | 'readme'>;
  signal: AbortSignal;
  /** Shows progress. */
  say: (text: string) => void;
}

/** The checkout and the lab's cache in every host. */
export const CHECKOUT = '/srv/lab';
export const CACHE = '/srv/cache';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** debootstrap uses this script for all suites: one that it does not know by name has none of its own. */
const SCRIPT = '/usr/share/debootstrap/scripts/sid';

export async function debianHost(plan: HostPlan, context: HostContext): Promise<Host> {
  const { signal } = context;
  const root = await debianRoot(plan, context);
  const network = await networkEnv(signal);
  const entry = { root, env: { ...network, PATH, CI: 'true', TERM: 'dumb', LAB_CACHE: CACHE } };
  return {
    name: `${plan.suite}, ${plan.user}`,
    plan,
    runOptions: [],
    run: (line, { as, onStderr } = {}) =>
      enter({ ...entry, user: as ?? plan.user, cwd: CHECKOUT }, line, {
        signal,
        maxOutput: 512 << 20,
        ...(onStderr === undefined ? {} : { onStderr }),
      }),
    close: () => Promise.resolve(),
  };
}

/** The folder of the host, ready to be entered. */
export async function debianRoot(plan: HostPlan, context: HostContext): Promise<string> {
  const { options, signal, say } = context;
  const root = join(options.folder, planName(plan));
  if (options.fresh) rmSync(root, { recursive: true, force: true });
  const mirror = await debianMirror(signal);
  if (!existsSync(root)) {
    const base = await debianBase(plan.suite, mirror, context);
    say(`${planName(plan)}: copy of ${plan.suite}`);
    const beside = `${root}.partial`;
    rmSync(beside, { recursive: true, force: true });
    await mustRun(['cp', '-a', '--reflink=auto', base, beside], 'cannot copy a host', { signal });
    await furnish(beside, plan, context);
    renameSync(beside, root);
  }
  await connect(root, plan.suite, mirror, signal);
  await checkOut(root, plan, signal);
  if (!options.cold) {
    say(`${planName(plan)}: kernels of this host`);
    const names = await kernelsFor(options.scenarios, options.readme === 'both' ? 'all' : 'none');
    await shareKernels(names, join(root, CACHE), signal);
    await own(root, plan, signal);
  }
  return root;
}

/** The bare release. */
async function debianBase(suite: string, mirror: string, { options, signal, say }: HostContext): Promise<string> {
  const base = join(options.folder, 'base', suite);
  if (existsSync(base)) return base;
  const program = findProgram('debootstrap');
  if (program === null)
    throw new LabError('debootstrap is missing on this host', { hint: 'apt-get install -y debootstrap' });
  say(`${suite}: debootstrap`);
  const beside = `${base}.partial`;
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(join(options.folder, 'base'), { recursive: true });
  // Programs of Node 26 need libatomic1.
  const contents = ['--variant=minbase', '--include=ca-certificates,git,passwd,libatomic1'];
  await mustRun(
    // Its own mounts disappear with it.
    ['unshare', '--mount', '--propagation', 'private', '--', program, ...contents, suite, beside, mirror, SCRIPT],
    `cannot make a Debian ${suite}`,
    { signal },
  );
  renameSync(beside, base);
  return base;
}

/** Node, the user, and folders for the checkout and the cache. */
async function furnish(root: string, plan: HostPlan, context: HostContext): Promise<void> {
  const { options, signal, say } = context;
  const { suite, node, user } = plan;
  const asRoot = (line: string) =>
    enter({ root, user: 'root', cwd: '/', env: { PATH, DEBIAN_FRONTEND: 'noninteractive' } }, line, { signal });
  const must = async (line: string) => {
    const { code, stderr } = await asRoot(line);
    if (code !== 0) throw new LabError(`${planName(plan)}: this failed: ${line}`, { detail: stderr.slice(-4000) });
  };
  writeFileSync(join(root, 'etc/hostname'), `${suite}\n`);
  await must(`getent group ${KVM_GROUP} > /dev/null || groupadd --system ${KVM_GROUP}`);
  await must(`useradd --create-home --shell /bin/bash --groups ${KVM_GROUP} ${USER}`);
  const owner = user === 'root' ? 'root' : USER;
  await must(`install -d -o ${owner} -g ${owner} ${CHECKOUT} ${CACHE}`);
  if (node === 'debian') {
    await connect(root, suite, await debianMirror(signal), signal);
    say(`${planName(plan)}: Node and npm of ${suite}`);
    await must('apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm');
  } else {
    say(`${planName(plan)}: Node ${node}`);
    await installNode(root, node, join(options.folder, 'node'), signal);
  }
}

/** The user's cache belongs to the user, also where root wrote to it. */
async function own(root: string, { user }: HostPlan, signal: AbortSignal): Promise<void> {
  if (user !== 'root')
    await enter({ root, user: 'root', cwd: '/', env: { PATH } }, `chown -R ${USER}:${USER} ${CACHE}`, { signal });
}

/** Brings the commit of this checkout into the host's clone. */
async function checkOut(root: string, { user }: HostPlan, signal: AbortSignal): Promise<void> {
  const bundle = join(root, 'srv/checkout.bundle');
  const git = (...args: string[]) =>
    mustRun(['git', '-C', packageRoot(), ...args], 'cannot read this checkout', { signal });
  const commit = (await git('rev-parse', 'HEAD')).stdout.trim();
  await git('bundle', 'create', '--quiet', bundle, 'HEAD');
  const line =
    `[ -d .git ] || git clone --quiet ../checkout.bundle . ` +
    `&& git fetch --quiet ../checkout.bundle HEAD && git checkout --quiet --force --detach ${commit}`;
  const { code, stderr } = await enter({ root, user, cwd: CHECKOUT, env: { PATH } }, line, { signal });
  rmSync(bundle);
  if (code !== 0) throw new LabError('cannot clone this checkout into the host', { detail: stderr.slice(-4000) });
}
