// SPDX-License-Identifier: Apache-2.0
// Where this host gets Debian and npm packages from. A host that is made here uses the same sources.
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../util/errors.js';
import { mustRun } from '../../util/process/command.js';

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/** Variables that say how to reach a network. */
const PASSED_ON = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'] as const;

/** The archive that apt of this host uses. */
export async function debianMirror(signal: AbortSignal): Promise<string> {
  const { stdout } = await mustRun(
    ['apt-get', 'indextargets', '--format', '$(REPO_URI) $(ORIGIN)'],
    'cannot ask apt for its archive',
    { signal },
  );
  const mirror = mirrorIn(stdout);
  if (mirror === null) throw new LabError('apt of this host knows no Debian archive', { hint: 'run apt-get update' });
  return mirror;
}

/** The first archive of Debian that is not the one for security updates. */
export function mirrorIn(targets: string): string | null {
  const lines = targets.split('\n').map((line) => line.trim().split(' '));
  const found = lines.find(([uri = '', origin]) => origin === 'Debian' && !uri.includes('security'));
  return found?.[0] ?? null;
}

/** Environment of a host: how npm and Node reach their registry. */
export async function networkEnv(signal: AbortSignal): Promise<Record<string, string>> {
  const { stdout } = await mustRun(['npm', 'config', 'get', 'registry'], 'cannot ask npm for its registry', { signal });
  const passed = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(passed), npm_config_registry: stdout.trim(), NODE_EXTRA_CA_CERTS: CERTIFICATES };
}

/**
 * Gives a host the resolver, the certificates and the archive of this one. Debian 13 and later get the deb822 form that
 * their installers write.
 */
export async function connect(root: string, suite: string, mirror: string, signal: AbortSignal): Promise<void> {
  for (const file of ['/etc/resolv.conf', CERTIFICATES])
    if (existsSync(file)) {
      rmSync(join(root, file), { force: true });
      copyFileSync(file, join(root, file));
    }
  // As installers write it; debootstrap makes none.
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n');
  const apt = join(root, 'etc/apt');
  mkdirSync(join(apt, 'sources.list.d'), { recursive: true });
  rmSync(join(apt, 'sources.list'), { force: true });
  rmSync(join(apt, 'sources.list.d/debian.sources'), { force: true });
  if (suite === 'bookworm') writeFileSync(join(apt, 'sources.list'), `deb ${mirror} ${suite} main\n`);
  else writeFileSync(join(apt, 'sources.list.d/debian.sources'), deb822(suite, mirror));
  const { stdout } = await mustRun(['apt-config', 'dump'], 'cannot ask apt for its settings', { signal });
  writeFileSync(join(apt, 'apt.conf.d/90-as-outside'), transportSettings(stdout));
}

function deb822(suite: string, mirror: string): string {
  const lines = [
    'Types: deb',
    `URIs: ${mirror}`,
    `Suites: ${suite}`,
    'Components: main',
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
  ];
  return `${lines.join('\n')}\n`;
}

/** The lines of `apt-config dump` that say how apt reaches an archive, and how old its lists may be. */
export function transportSettings(dump: string): string {
  const kept = dump.split('\n').filter((line) => /^Acquire::(https?::|Check-|Retries)/.test(line));
  return kept.map((line) => `${line}\n`).join('');
}
