// SPDX-License-Identifier: Apache-2.0
// Looks for what a lab left behind: processes, sockets, locks and files.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { INDEX_FOLDER } from '../../store/history/open.js';

/** Milliseconds that clean-up after SIGKILL may take on a busy host. */
const MAX_CLEANUP_MS = 10_000;
const PAUSE_MS = 50;

export interface Traces {
  /** Value of an environment variable that all processes of the lab inherit. */
  tag: string;
  /** Folders whose path in a command line marks a process, too: a sandbox may clear the environment. */
  folders: readonly string[];
  /** Processes that live on. */
  except: ReadonlySet<number>;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** `PID command` of each process that carries the tag or one of the folders. */
export function processesWith({ tag, folders, except }: Traces): string[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && !except.has(pid))
    .flatMap((pid) => {
      const command = textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
      const isOurs =
        textOf(`/proc/${pid}/environ`).split('\0').includes(tag) || folders.some((folder) => command.includes(folder));
      // A zombie holds nothing; its parent, or init, collects it.
      const isZombie = /\) Z /.test(textOf(`/proc/${pid}/stat`));
      return isOurs && !isZombie ? [`${pid} ${command.slice(0, 120)}`] : [];
    });
}

/** Sockets with a path in one of the folders. */
function socketsIn(folders: readonly string[]): string[] {
  return textOf('/proc/net/unix')
    .split('\n')
    .flatMap((line) => {
      const path = /\s(\/\S.*)$/.exec(line)?.[1];
      return path !== undefined && folders.some((folder) => path.startsWith(folder)) ? [path] : [];
    });
}

/** Lock files below a folder that somebody holds. */
function locksIn(folder: string): string[] {
  const held = new Set(
    textOf('/proc/locks')
      .split('\n')
      .flatMap((line) => /:([0-9]+) \d+ \S+$/.exec(line)?.[1] ?? []),
  );
  return filesIn(folder).filter((path) => held.has(String(statSync(path, { throwIfNoEntry: false })?.ino)));
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Entries of a folder of results that are half-written: all such names begin with a dot. The index does, too; the lab
 * makes it again from the rest.
 */
export function partialIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /(^|\/)\./.test(name) && name.split('/')[0] !== INDEX_FOLDER,
  );
}

export interface Places {
  temporary: string;
  results: string;
}

/** All that is left, in words. */
export function leftNow(traces: Traces, { temporary, results }: Places): string[] {
  const name = (what: string) => (each: string) => `${what} left: ${each}`;
  return [
    ...processesWith(traces).map(name('process')),
    ...socketsIn(traces.folders).map(name('socket')),
    ...(existsSync(temporary) ? readdirSync(temporary) : []).map(name('temporary file')),
    ...partialIn(results).map(name('half-written file')),
    ...locksIn(results).map(name('lock')),
  ];
}

/** What is left after the lab had time to clean up. */
export async function leftovers(traces: Traces, places: Places): Promise<string[]> {
  const until = performance.now() + MAX_CLEANUP_MS;
  for (;;) {
    const left = leftNow(traces, places);
    if (left.length === 0 || performance.now() > until) return left;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Resident memory of a process in KiB; null if it is gone. */
export function rssKiB(pid: number): number | null {
  const value = /^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/status`))?.[1];
  return value === undefined ? null : Number(value);
}

/** Set for the process that `unshare --mount` started. */
export const OWN_MOUNTS = 'LAB_ENDURANCE_MOUNTS';

/** True if this process has a mount namespace of its own. */
export const hasOwnMounts = (): boolean => process.env[OWN_MOUNTS] === '1';
