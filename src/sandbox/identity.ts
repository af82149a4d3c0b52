// SPDX-License-Identifier: Apache-2.0
// A user for one sandboxed program that no account, service or container of the host has, and no other program of the
// lab. Only root can give it.
import { lchownSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Identity, Needs } from './types.js';

/** systemd's list of user ids keeps this range free (docs of systemd, "Users, Groups, UIDs and GIDs"). */
const FIRST = 0x7000_0000;
/** Ids of one lab: at most this many of its programs run at once. */
const PER_LAB = 32;
/** Where this lab has few ids, as in a container: nobody. */
const NOBODY = 65534;

let given = 0;

export interface IdentityChoice {
  identity: Identity | null;
  /** Why the program cannot have a user of its own. */
  why: string | null;
}

/** Chooses a user that can read what the program needs. Paths count only if bwrap does not bind them by itself. */
export function chooseIdentity(needs: Needs, binds: 'binds' | 'paths'): IdentityChoice {
  const groups = new Set<number>();
  for (const device of needs.devices) {
    const group = groupFor(device);
    if (group === null) return { identity: null, why: `${device} belongs to root alone` };
    if (group !== 0) groups.add(group);
  }
  const closed = needs.read.find((path) => !readableByAll(path, binds));
  if (closed !== undefined) return { identity: null, why: `${closed} can be read by its owner alone` };
  const kept = needs.lent?.find((path) => !openToAll(path, 0o006, binds));
  if (kept !== undefined) return { identity: null, why: `${kept} can be opened for writing by its owner alone` };
  const unreachable = binds === 'binds' ? undefined : needs.write.find((path) => !reachable(dirname(path)));
  if (unreachable !== undefined) return { identity: null, why: `${unreachable} can be reached by its owner alone` };
  const id = ownId();
  return { identity: { uid: id, gid: id, groups: [...groups] }, why: null };
}

/** The group that may open a device; 0 if everybody may, null if no group but root's may. */
function groupFor(device: string): number | null {
  const stat = statSync(device, { throwIfNoEntry: false });
  if (stat === undefined || (stat.mode & 0o006) === 0o006) return 0;
  return (stat.mode & 0o060) === 0o060 && stat.gid !== 0 ? stat.gid : null;
}

function readableByAll(path: string, binds: 'binds' | 'paths'): boolean {
  return openToAll(path, statSync(path, { throwIfNoEntry: false })?.isDirectory() ? 0o005 : 0o004, binds);
}

function openToAll(path: string, bits: number, binds: 'binds' | 'paths'): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  // The program itself says that it is missing.
  if (stat === undefined) return true;
  return (stat.mode & bits) === bits && (binds === 'binds' || reachable(dirname(path)));
}

function reachable(folder: string): boolean {
  for (let up = folder; ; up = dirname(up)) {
    if (((statSync(up, { throwIfNoEntry: false })?.mode ?? 0) & 0o001) === 0) return false;
    if (up === dirname(up)) return true;
  }
}

function ownId(): number {
  const id = FIRST + process.pid * PER_LAB + (given++ % PER_LAB);
  return mapped(id) ? id : NOBODY;
}

/** Whether the lab's own user namespace has this id. */
function mapped(id: number): boolean {
  try {
    return readFileSync('/proc/self/uid_map', 'utf8')
      .split('\n')
      .some((line) => {
        const [inner = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
        return id >= inner && id < inner + count;
      });
  } catch {
    return false;
  }
}

/** Gives a folder, and everything in it, to a user. Links are not followed. */
export function giveTo({ uid, gid }: Identity, path: string): void {
  lchownSync(path, uid, gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTo({ uid, gid, groups: [] }, join(path, name));
}
