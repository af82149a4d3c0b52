// SPDX-License-Identifier: Apache-2.0
// Fetches packages of other Debian suites from the mirror that this host already uses, without changing the host:
// lists, cache and sources are private folders of the cache. apt itself checks signatures and checksums.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandError, mustRun, runCommand } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import type { Workspace } from '../context.js';
import type { Source } from '../definition/definition.js';
import { programPath } from '../requirements.js';
import { replaceFile } from '../../util/replace-file.js';

export type AptSource = Extract<Source, { kind: 'apt-source' | 'apt-binary' }>;

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** One index that the host's apt knows. */
export interface IndexTarget {
  uri: string;
  release: string;
  codename: string;
  label: string;
}

export const INDEX_FORMAT = '$(REPO_URI)\t$(RELEASE)\t$(CODENAME)\t$(LABEL)';

export function parseIndexTargets(output: string): IndexTarget[] {
  return output.split('\n').flatMap((line) => {
    const [uri = '', release = '', codename = '', label = ''] = line.split('\t');
    return uri === '' ? [] : [{ uri, release, codename, label }];
  });
}

/** Chooses the archive of the host's own release: not its security or updates archive, and no third-party archive. */
export function chooseMirror(targets: readonly IndexTarget[], hostCodename: string | null): string | null {
  // Label and codename come from fetched lists. A host that never fetched any has only what its sources say.
  const main = targets.filter(
    (t) =>
      !/-(security|updates|backports)/.test(t.release) &&
      !/security/.test(t.uri) &&
      (t.label === '' || t.label === 'Debian'),
  );
  const own = main.find((t) => hostCodename !== null && (t.codename === hostCodename || t.release === hostCodename));
  return (own ?? main.find((t) => t.label === 'Debian') ?? main.find((t) => /\/debian\/?$/.test(t.uri)))?.uri ?? null;
}

/** A private list of sources in deb822 format. */
export function sourcesFile(uri: string, suite: string): string {
  return [
    'Types: deb deb-src',
    `URIs: ${uri}`,
    `Suites: ${suite}`,
    'Components: main',
    `Signed-By: ${KEYRING}`,
    '',
  ].join('\n');
}

/** Options that keep apt inside a private folder. */
export function privateOptions(dir: string, as: 'root' | 'user'): string[] {
  const options = {
    'Dir::Etc::SourceList': join(dir, 'lab.sources'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State::Lists': join(dir, 'lists'),
    'Dir::Cache': join(dir, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    // By default apt drops root privileges, and then it could not write to the cache.
    ...(as === 'root' ? { 'APT::Sandbox::User': 'root' } : {}),
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** Without the last one, apt adds the architectures that the host's dpkg knows. */
function architectureOptions(architecture: string): string[] {
  return ['-o', `APT::Architecture=${architecture}`, '-o', `APT::Architectures=${architecture}`];
}

/** Fetches a package into `folder` and returns the path of its file. The caller holds the lock of that folder. */
export async function aptFetch(
  source: AptSource,
  folder: string,
  task: string,
  work: Workspace,
  holdFd: number,
): Promise<string> {
  const apt = await prepareSuite(source.suite, work);
  const what = `${source.package} ${source.version} of ${source.suite}`;
  const file = (await locate(source, apt, work)) ?? (await apt.update(), await locate(source, apt, work));
  if (file === null) throw new LabError(`${what} is not in the Debian archive that this host uses`);
  mkdirSync(folder, { recursive: true });
  const timer = setInterval(
    () => work.onProgress({ task, done: bytesIn(folder), of: file.size, detail: file.name }),
    250,
  );
  const argv = [...apt.command, ...fetchWords(source)];
  try {
    const result = await runCommand(argv, { cwd: folder, env: apt.env, signal: work.signal, holdFd });
    if (result.code !== 0) throw commandError(`cannot fetch ${what}`, ['apt-get'], result);
  } finally {
    clearInterval(timer);
  }
  const path = join(folder, file.name);
  if (!existsSync(path)) throw new LabError(`apt-get fetched ${what}, but did not write ${file.name}`);
  work.onProgress({ task, done: file.size, of: file.size, detail: file.name });
  return path;
}

/** Every kernel source of a suite, as its lists of today have them: packages with a tarball, and source packages. */
export async function kernelSources(suite: string, work: Workspace): Promise<AptSource[]> {
  const apt = await prepareSuite(suite, work);
  await apt.update();
  const [, ...options] = apt.command;
  const ask = async (...words: string[]): Promise<string> => {
    const argv = ['apt-cache', ...options, ...words];
    const result = await runCommand(argv, { env: apt.env, signal: work.signal, maxOutput: 64 << 20 });
    if (result.code !== 0) throw commandError(`cannot list the kernels of ${suite}`, ['apt-cache'], result);
    return result.stdout;
  };
  const packages = (await ask('pkgnames', 'linux-source-')).split('\n').filter((name) => TARBALLS.test(name));
  const tarballs = packages.length === 0 ? [] : tarballPackages(await ask('madison', ...packages), suite);
  return [...tarballs, ...sourcePackages(await ask('showsrc', '--only-source', 'linux'), suite)];
}

/** A binary package with the source of one series. */
const TARBALLS = /^linux-source-\d+\.\d+$/;

/** Parses lines of the form "linux-source-7.2 | 7.2.13-1 | http://... sid/main amd64 Packages". */
export function tarballPackages(madison: string, suite: string): AptSource[] {
  return madison.split('\n').flatMap((line): AptSource[] => {
    const [name = '', version = '', where = ''] = line.split('|').map((word) => word.trim());
    if (!TARBALLS.test(name) || version === '' || !where.endsWith(' Packages')) return [];
    return [{ kind: 'apt-binary', suite, package: name, version, member: `usr/src/${name}.tar.xz` }];
  });
}

/** Parses the lines "Version: ..." of source packages. */
export function sourcePackages(showsrc: string, suite: string): AptSource[] {
  const versions = new Set([...showsrc.matchAll(/^Version: (\S+)$/gm)].map(([, version = '']) => version));
  return [...versions].map((version) => ({ kind: 'apt-source', suite, package: 'linux', version }));
}

function fetchWords(source: AptSource): string[] {
  return source.kind === 'apt-source'
    ? ['source', '--download-only', '--tar-only', `${source.package}=${source.version}`]
    : ['download', `${source.package}=${source.version}`];
}

export interface Suite {
  command: string[];
  env: NodeJS.ProcessEnv;
  update: () => Promise<void>;
}

/**
 * Prepares the suite's private folder and fetches its lists once.
 * @param architecture of its packages; that of the host by default
 */
export async function prepareSuite(suite: string, work: Workspace, architecture?: string): Promise<Suite> {
  const folder = architecture === undefined ? suite : `${suite}-${architecture}`;
  const dir = work.cache.apt(folder);
  const env = { PATH: programPath(), HOME: process.env['HOME'], LC_ALL: 'C', ...proxies() };
  const command = [
    'apt-get',
    '-q',
    ...privateOptions(dir, process.getuid?.() === 0 ? 'root' : 'user'),
    ...(architecture === undefined ? [] : architectureOptions(architecture)),
  ];
  const lists = join(dir, 'lists');
  const task = `read the package lists of ${suite}`;
  const update = (when: 'once' | 'always') =>
    withLock(
      work.cache.lock(`apt-${folder}`),
      {
        signal: work.signal,
        onWait: () => work.onProgress({ task, done: 0, of: null, detail: 'is waiting for another lab' }),
      },
      async (lock) => {
        const ready = join(dir, 'ready');
        if (existsSync(ready) && when === 'once') return;
        for (const sub of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(dir, sub), { recursive: true });
        const text = sourcesFile(await hostMirror(work), suite);
        replaceFile(join(dir, 'lab.sources'), text);
        const timer = setInterval(() => work.onProgress({ task, done: bytesIn(lists), of: null }), 250);
        try {
          const result = await runCommand([...command, 'update', '--error-on=any'], {
            env,
            signal: work.signal,
            holdFd: lock.fd,
          });
          if (result.code !== 0) throw listsError(suite, commandError(listsTitle(suite), ['apt-get'], result));
        } finally {
          clearInterval(timer);
        }
        writeFileSync(ready, '');
      },
    );
  await update('once');
  return { command, env, update: () => update('always') };
}

const listsTitle = (suite: string): string => `cannot read the package lists of ${suite}`;

/** A suite that is gone, or never was, is the most likely reason. */
function listsError(suite: string, error: LabError): LabError {
  if (!/does not have a Release file|404 +Not Found/.test(error.detail ?? '')) return error;
  return new LabError(`the Debian archive that this host uses has no suite ${suite}`, {
    detail: error.detail,
    hint: 'name a suite that it has, such as sid; Debian takes old ones out of its archive',
    cause: error,
  });
}

function proxies(): NodeJS.ProcessEnv {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

async function hostMirror(work: Workspace): Promise<string> {
  const { stdout } = await mustRun(
    ['apt-get', 'indextargets', '--format', INDEX_FORMAT],
    "cannot read apt's list of archives",
    { signal: work.signal, env: { PATH: programPath(), LC_ALL: 'C' } },
  );
  const mirror = chooseMirror(parseIndexTargets(stdout), hostCodename());
  if (mirror === null) throw new LabError("this host's apt has no Debian archive configured");
  return mirror;
}

function hostCodename(): string | null {
  try {
    return /^VERSION_CODENAME="?([\w-]+)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}

export interface RemoteFile {
  name: string;
  size: number;
}

/** Parses lines of the form 'URI' NAME SIZE HASH. */
export function parsePrintUris(output: string, kind: AptSource['kind']): RemoteFile | null {
  const wanted = kind === 'apt-source' ? /\.orig\.tar\.\w+$/ : /\.deb$/;
  for (const line of output.split('\n')) {
    const match = /^'[^']+' ([^\s/]+) (\d+) /.exec(line);
    if (match?.[1] && wanted.test(match[1])) return { name: match[1], size: Number(match[2]) };
  }
  return null;
}

async function locate(source: AptSource, apt: Suite, work: Workspace): Promise<RemoteFile | null> {
  const [verb = '', ...rest] = fetchWords(source);
  const result = await runCommand([...apt.command, verb, '--print-uris', ...rest], {
    env: apt.env,
    signal: work.signal,
  });
  if (result.code !== 0) return null;
  return parsePrintUris(result.stdout, source.kind);
}

function bytesIn(dir: string): number {
  try {
    return readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce(
        (sum, entry) => sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0),
        0,
      );
  } catch {
    return 0;
  }
}
