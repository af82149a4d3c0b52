// SPDX-License-Identifier: Apache-2.0
// Starts a program in its sandbox, and finds its process.
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { type Child, startChild } from '../util/process/child.js';
import { killWithLab } from '../util/process/reaper.js';
import { replaceFile } from '../util/replace-file.js';
import { sandboxArgv, type SystemPath } from './argv.js';
import { chooseIdentity, giveTo } from './identity.js';
import { seccompFilter } from './seccomp.js';
import type { Identity, Needs, Sandbox } from './types.js';

export interface Sandboxed {
  child: Child;
  /** The program's process on the host; undefined if it did not start. */
  readonly pid: number | undefined;
  /** What it runs in. A sandbox that gives programs a user of their own cannot always do so. */
  sandbox: Sandbox;
  /** The whole command line. */
  argv: readonly string[];
}

export interface StartOptions {
  /** A private folder for the filter of system calls. The program need not see it. */
  dir: string;
  stdout: 'ignore' | 'pipe';
  env: NodeJS.ProcessEnv;
}

/** A lab that was killed before setpriv had set the parent-death signal is no longer the parent. */
const WHILE_PARENT_LIVES = '[ "$PPID" = "$0" ] || exit 1; exec "$@"';

/** bwrap's answer about its process 1 is short. */
const MAX_INFO = 4096;

/** Starts the program. It dies with the lab. It owns what it may write from now on, if it has a user of its own. */
export async function startSandboxed(
  wanted: Sandbox,
  asked: Needs,
  argv: readonly string[],
  options: StartOptions,
): Promise<Sandboxed> {
  const { sandbox, identity } = settle(wanted, asked);
  // Without a namespace, the limit of processes counts all of the user's.
  const limits =
    asked.limits !== null && sandbox.kind === 'setpriv' && identity === null
      ? { ...asked.limits, processes: Infinity }
      : asked.limits;
  const needs: Needs = { ...asked, limits };
  if (identity !== null) for (const path of needs.write) giveTo(identity, path);
  const bwrap = sandbox.kind === 'bwrap';
  const command = sandboxArgv(
    sandbox,
    needs,
    {
      system: systemPaths(argv[0] ?? ''),
      identity,
      root: isRoot(),
      seccomp: bwrap ? writeFilter(options.dir) : null,
      told: bwrap,
    },
    argv,
  );
  const child = startChild(['/bin/sh', '-c', WHILE_PARENT_LIVES, String(process.pid), ...command], {
    stdio: [bwrap ? 'pipe' : 'ignore', options.stdout, 'pipe', ...(bwrap ? (['pipe'] as const) : [])],
    tie: 'dies-with-lab',
    cwd: bwrap ? undefined : needs.cwd,
    env: options.env,
  });
  child.ended.catch(() => undefined);
  // bwrap's process 1 has no parent-death signal until bwrap has set it up, and waits for ever if bwrap dies before.
  killWithLab(child);
  const result = { child, sandbox, argv: command };
  if (!bwrap) return { ...result, pid: child.pid };
  const first = await processOne(child);
  if (first !== null) {
    if (identity !== null) writeMaps(first, identity);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end('\n');
  }
  let found: number | null = null;
  return {
    ...result,
    get pid() {
      if (first !== null) found ??= onlyChild(first);
      return found ?? first ?? child.pid;
    },
  };
}

/**
 * The command line that runs a program in the sandbox as the lab's user, for callers that start it themselves.
 * @param dir folder for the filter of system calls
 */
export function sandboxedCommand(sandbox: Sandbox, needs: Needs, argv: readonly string[], dir: string): string[] {
  const start = {
    system: systemPaths(argv[0] ?? ''),
    identity: null,
    root: isRoot(),
    seccomp: sandbox.kind === 'bwrap' ? writeFilter(dir) : null,
    told: false,
  };
  return sandboxArgv(sandbox, needs, start, argv);
}

/** Whether the program gets a user of its own. */
export function settle(wanted: Sandbox, needs: Needs): { sandbox: Sandbox; identity: Identity | null } {
  if (wanted.user === 'lab') return { sandbox: wanted, identity: null };
  const { identity, why } = chooseIdentity(needs, wanted.kind === 'bwrap' ? 'binds' : 'paths');
  return identity === null ? { sandbox: { ...wanted, user: 'lab', why }, identity } : { sandbox: wanted, identity };
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Writes the filter of system calls into a folder; null where the lab has none for this processor. */
export function writeFilter(dir: string): string | null {
  const filter = seccompFilter(arch());
  if (filter === null) return null;
  const path = join(dir, 'seccomp.bpf');
  replaceFile(path, filter, { mode: 0o600 });
  return path;
}

const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/gnu/store'];
const SYSTEM_FILES = ['/etc/ld.so.cache', '/etc/alternatives'];

/** Programs and libraries, and the folder of a program that lies elsewhere. No configuration, no home. */
export function systemPaths(program: string): SystemPath[] {
  const present = [...SYSTEM, ...SYSTEM_FILES].filter((path) => existsSync(path));
  const path = found(program) ?? '/usr/bin/missing';
  const prefix = dirname(dirname(path));
  const own = present.some((folder) => path.startsWith(`${folder}/`))
    ? []
    : ['bin', 'lib', 'lib64', 'libexec', 'share/qemu']
        .map((name) => join(prefix, name))
        .filter((path) => existsSync(path));
  return [...new Set([...present, ...own])].map((path) => ({
    path,
    link: lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null,
  }));
}

/** Looks a program up in PATH. A link counts as what it leads to. */
function found(program: string): string | null {
  const places = program.includes('/')
    ? [program]
    : (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, program));
  const place = places.find((each) => existsSync(each));
  return place === undefined ? null : realpathSync(place);
}

export function inPath(program: string): boolean {
  return found(program) !== null;
}

/** Reads bwrap's `child-pid`; null if bwrap ended without it. */
function processOne({ third, ended }: Child): Promise<number | null> {
  return new Promise((resolve) => {
    let text = '';
    const done = () => resolve(Number(/"child-pid":\s*(\d+)/.exec(text)?.[1] ?? NaN) || null);
    third?.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString('latin1')).slice(0, MAX_INFO);
      // bwrap writes the number first, but perhaps not at once.
      if (text.includes('}')) done();
    });
    third?.on('end', done);
    void ended.then(done, done);
  });
}

/** In the program's user namespace: root for bwrap's own work, the program's user, and the groups that it keeps. */
function writeMaps(pid: number, { uid, gid, groups }: Identity): void {
  const line = (id: number) => `${id} ${id} 1\n`;
  try {
    writeFileSync(`/proc/${pid}/gid_map`, [0, gid, ...groups].map(line).join(''));
    writeFileSync(`/proc/${pid}/uid_map`, [0, uid].map(line).join(''));
  } catch {
    // bwrap ends with its own message.
  }
}

/** The child of bwrap's process 1: the program. Null before it has started. */
function onlyChild(parent: number): number | null {
  try {
    const [first = ''] = readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1').trim().split(' ');
    return Number(first) || null;
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN, or a process that has gone.
  }
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) return Number(name);
    } catch {
      // It has ended in the meantime.
    }
  }
  return null;
}
