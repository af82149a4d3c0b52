// SPDX-License-Identifier: Apache-2.0
// Leaves nothing behind even when the lab is killed with SIGKILL: a small shell waits for the lab's end of a pipe to
// close, and then removes the paths that were still in use. QEMU itself dies by its parent-death signal (see
// qemu/process.ts).
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Child, startChild } from './child.js';

// `+PATH` adds, `-PATH` forgets. The shell keeps the list in its positional parameters, so that no character of a path
// is special.
const SCRIPT = `
set --
while IFS= read -r line; do
  path=\${line#?}
  case $line in
    +*) set -- "$@" "$path" ;;
    -*) n=$#; while [ "$n" -gt 0 ]; do kept=$1; shift; [ "$kept" = "$path" ] || set -- "$@" "$kept"; n=$((n - 1)); done ;;
  esac
done
[ "$#" -eq 0 ] || rm -rf -- "$@"
`;

let child: Child | null = null;
const held = new Set<string>();

function reaper(): Child {
  if (child === null) {
    // It must outlive the lab, and must not keep it from ending.
    child = startChild(['/bin/sh', '-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], tie: 'none' });
    child.ended.catch(() => undefined);
    child.stdin?.on('error', () => undefined);
    child.unref();
    if (child.stdin instanceof Socket) child.stdin.unref();
    process.on('exit', () => {
      for (const path of held) rmSync(path, { recursive: true, force: true });
    });
  }
  return child;
}

/** From now on `path` is removed when the lab ends, however it ends, unless `keep` is called before. */
export function removeAtEnd(path: string): void {
  if (path.includes('\n')) throw new Error('a path with a line break cannot be watched');
  held.add(path);
  reaper().stdin?.write(`+${path}\n`);
}

/** Takes `path` back: it is finished and stays. */
export function keep(path: string): void {
  if (!held.delete(path)) return;
  child?.stdin?.write(`-${path}\n`);
}
