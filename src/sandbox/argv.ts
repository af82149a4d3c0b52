// SPDX-License-Identifier: Apache-2.0
// The command that runs a program in a sandbox: pure, so that tests can read it.
import { dirname } from 'node:path';
import type { Identity, Limits, Needs, Sandbox } from './types.js';

/** A folder or file that every program gets: bound read-only, or the same link as on the host. */
export interface SystemPath {
  path: string;
  /** Where the link points, for a link. */
  link: string | null;
}

/** Facts about this start that only the host can tell. */
export interface Start {
  system: readonly SystemPath[];
  /** Null for the lab's own user. */
  identity: Identity | null;
  /** Whether the lab runs as root. */
  root: boolean;
  /** File with the filter of system calls; null for none. */
  seccomp: string | null;
  /** Whether bwrap waits until the lab has written the maps of its user namespace, and says its process id. */
  told: boolean;
}

/** Descriptors in bwrap. The shell moves standard input to START_FD. */
const INFO_FD = '3';
const START_FD = '8';
const SECCOMP_FD = '9';

const DEVICES = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom'];

/** Returns the whole command line, the program's own included. */
export function sandboxArgv(sandbox: Sandbox, needs: Needs, start: Start, argv: readonly string[]): string[] {
  switch (sandbox.kind) {
    case 'none':
      return [...argv];
    case 'setpriv':
      return [...setpriv(start), ...limited(needs.limits), ...argv];
    case 'bwrap':
      return [
        ...shell(start),
        'bwrap',
        ...namespaces(needs, start),
        ...files(needs, start),
        ...(start.seccomp === null ? [] : ['--seccomp', SECCOMP_FD]),
        '--chdir',
        needs.cwd,
        '--',
        ...(start.identity === null ? [] : setpriv(start)),
        ...limited(needs.limits),
        ...argv,
      ];
  }
}

/** Opens what bwrap reads, since Node passes it on under other numbers. */
function shell({ seccomp, told }: Start): string[] {
  const opens = [
    ...(told ? [`exec ${START_FD}<&0 0</dev/null`] : []),
    ...(seccomp === null ? [] : [`exec ${SECCOMP_FD}<"$0"`]),
  ];
  return opens.length === 0 ? [] : ['/bin/sh', '-c', [...opens, 'exec "$@"'].join('; '), seccomp ?? 'sh'];
}

function namespaces({ network }: Needs, { identity, told }: Start): string[] {
  return [
    '--unshare-user',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(network === 'none' ? ['--unshare-net'] : []),
    // The program's first process is not process 1: it could undo its parent-death signal. bwrap's process 1 cannot be
    // reached from inside, and its end is everyone's.
    '--die-with-parent',
    ...(told ? ['--info-fd', INFO_FD] : []),
    // With a user of its own, setpriv drops all rights inside, where it still has them.
    ...(identity === null ? ['--cap-drop', 'ALL'] : ['--userns-block-fd', START_FD]),
  ];
}

function files({ read, write: own, lent = [], moved = [], devices, proc = false }: Needs, { system }: Start): string[] {
  const write = [...own, ...lent];
  const inside = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
  const bound = system.flatMap(({ path, link }) => (link === null ? [path] : []));
  const only = [...new Set(read)].filter(
    (path) => !write.includes(path) && !bound.some((folder) => inside(path, folder)),
  );
  const places = [...only, ...new Set(write)].sort();
  const nodes = [...new Set([...DEVICES, ...devices])];
  return [
    ...[...parents([...bound, ...places, ...moved.map(({ at }) => at), ...nodes])].flatMap((path) => ['--dir', path]),
    ...system.flatMap(({ path, link }) => (link === null ? ['--ro-bind', path, path] : ['--symlink', link, path])),
    ...(proc ? ['--proc', '/proc', '--tmpfs', '/tmp'] : []),
    ...places.flatMap((path) => [write.includes(path) ? '--bind' : '--ro-bind', path, path]),
    ...moved.flatMap(({ path, at }) => ['--bind', path, at]),
    ...nodes.flatMap((path) => ['--dev-bind-try', path, path]),
  ];
}

/** All folders above these paths, the uppermost first. bwrap would create them for its own user alone. */
function parents(paths: readonly string[]): Set<string> {
  const all = new Set<string>();
  for (const path of paths) for (let up = dirname(path); up !== '/' && up !== '.'; up = dirname(up)) all.add(up);
  return new Set([...all].sort());
}

function setpriv({ identity, root }: Start): string[] {
  const groups = identity?.groups ?? [];
  return [
    'setpriv',
    ...(identity === null
      ? []
      : [
          '--reuid',
          String(identity.uid),
          '--regid',
          String(identity.gid),
          ...(groups.length === 0 ? ['--clear-groups'] : ['--groups', groups.join(',')]),
        ]),
    '--inh-caps=-all',
    // Others have no right to change it, and need not: without new privileges there is nothing to bound.
    ...(root ? ['--bounding-set=-all'] : []),
    '--no-new-privs',
    // A change of user clears the signal that the lab set.
    '--pdeathsig',
    'KILL',
    '--',
  ];
}

function limited(limits: Limits | null): string[] {
  if (limits === null) return [];
  return [
    'prlimit',
    `--as=${limits.memory}`,
    ...(Number.isFinite(limits.processes) ? [`--nproc=${limits.processes}`] : []),
    `--fsize=${limits.fileSize}`,
    '--core=0',
    // prlimit takes no --, so the next word must be no option. Without this, a file that is too large ends the program.
    'env',
    '--ignore-signal=XFSZ',
  ];
}
