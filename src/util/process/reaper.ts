// SPDX-License-Identifier: Apache-2.0
// Leaves nothing behind, even if the lab is killed with SIGKILL: a small shell waits for the lab's end of a pipe to
// close, and then removes the paths that are still tracked. QEMU itself dies by its parent-death signal (see
// qemu/process.ts).
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Child, startChild } from './child.js';

// `+PATH` tracks, `-PATH` untracks. The shell keeps the list in its positional parameters, so that no character of a
// path is special.
const SCRIPT = `
set --
while IFS= read -r line; do
  path=\${line#?}
  case $line in
    +*) set -- "$@" "$path" ;;
    -*) n=$#
      while [ "$n" -gt 0 ]; do
        kept=$1; shift; [ "$kept" = "$path" ] || set -- "$@" "$kept"; n=$((n - 1))
      done ;;
  esac
done
[ "$#" -eq 0 ] || rm -rf -- "$@"
`;

let child: Child | null = null;
/** Both lists hold only what exists now, so that neither grows with the number of runs. */
const tracked = new Set<string>();

function reaper(): Child {
  if (child === null) {
    // It must outlive the lab, and must not keep it from ending.
    child = startChild(['/bin/sh', '-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], tie: 'none' });
    child.ended.catch(() => undefined);
    child.stdin?.on('error', () => undefined);
    child.unref();
    if (child.stdin instanceof Socket) child.stdin.unref();
    process.on('exit', () => {
      for (const path of tracked) rmSync(path, { recursive: true, force: true });
    });
  }
  return child;
}

/** Removes `path` when the lab ends, however it ends, unless `untrackTemp` is called before. */
export function trackTemp(path: string): void {
  if (path.includes('\n')) throw new Error('a path with a line break cannot be tracked');
  if (tracked.has(path)) return;
  tracked.add(path);
  reaper().stdin?.write(`+${path}\n`);
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
