// SPDX-License-Identifier: Apache-2.0
// Leaves nothing behind, even if the lab is killed with SIGKILL: a small shell waits for the lab's end of a pipe to
// close. Then it kills the process groups and removes the paths that are still tracked. QEMU itself dies by its
// parent-death signal (see qemu/process.ts), but only once that is set.
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Child, startChild } from './child.js';

// `+PATH` tracks, `-PATH` untracks; `*GROUP` and `/GROUP` do so with a process group. The shell keeps the paths in its
// positional parameters, so that no character of a path is special. A lab that was killed in the instant in which it
// started a sandbox could not track its group: such a bwrap is known by a tracked path on its command line.
export const REAPER_SCRIPT = `
set --
groups=' '
while IFS= read -r line; do
  path=\${line#?}
  case $line in
    +*) set -- "$@" "$path" ;;
    -*) n=$#
      while [ "$n" -gt 0 ]; do
        kept=$1; shift; [ "$kept" = "$path" ] || set -- "$@" "$kept"; n=$((n - 1))
      done ;;
    \\**) groups="$groups$path " ;;
    /*) groups="\${groups%%" $path "*} \${groups#*" $path "}" ;;
  esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
[ "$#" -eq 0 ] || for process in /proc/[0-9]*; do
  { read -r name <"$process/comm"; } 2>/dev/null && [ "$name" = bwrap ] || continue
  for path; do
    { tr '\\0' '\\n' <"$process/cmdline"; } 2>/dev/null | grep -qxF -e "$path" || continue
    kill -KILL "\${process#/proc/}" 2>/dev/null
  done
done
[ "$#" -eq 0 ] || rm -rf -- "$@"
`;

let child: Child | null = null;
/** These hold only what exists now, here and in the shell, so that nothing grows with the number of runs. */
const tracked = new Set<string>();
const groups = new Set<number>();

function reaper(): Child {
  if (child === null) {
    // It must outlive the lab, and must not keep it from ending.
    child = startChild(['/bin/sh', '-c', REAPER_SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], tie: 'none' });
    child.ended.catch(() => undefined);
    child.stdin?.on('error', () => undefined);
    child.unref();
    if (child.stdin instanceof Socket) child.stdin.unref();
    process.on('exit', () => {
      for (const group of groups) killGroup(group);
      for (const path of tracked) rmSync(path, { recursive: true, force: true });
    });
  }
  return child;
}

/** Kills the child's process group when the child ends, or the lab, however it ends. */
export function killWithLab(doomed: Child): void {
  const { pid } = doomed;
  if (pid === undefined) return;
  groups.add(pid);
  reaper().stdin?.write(`*${pid}\n`);
  doomed.onExit(() => {
    killGroup(pid);
    groups.delete(pid);
    child?.stdin?.write(`/${pid}\n`);
  });
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has already gone.
  }
}

/** Removes `path` when the lab ends, however it ends, unless `untrackTemp` is called before. */
export function trackTemp(path: string): void {
  if (path.includes('\n')) throw new Error('a path with a line break cannot be tracked');
  if (tracked.has(path)) return;
  tracked.add(path);
  reaper().stdin?.write(`+${path}\n`);
}

/**
 * Makes a private folder that goes with the lab. It is tracked before it is there: a lab that is killed in between
 * leaves nothing.
 * @param prefix of its path
 */
export function makeTemp(prefix: string): string {
  const path = `${prefix}${randomBytes(4).toString('hex')}`;
  trackTemp(path);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    untrackTemp(path);
    throw error;
  }
  return path;
}

/** Stops tracking `path`: it is finished and stays, or has been removed. */
export function untrackTemp(path: string): void {
  if (!tracked.delete(path)) return;
  child?.stdin?.write(`-${path}\n`);
}

/** Removes a tracked path now. If that fails, it stays tracked and goes with the lab. */
export function removeTemp(path: string): void {
  rmSync(path, { recursive: true, force: true });
  untrackTemp(path);
}
