// SPDX-License-Identifier: Apache-2.0
// Saved machines in the cache. All of it may be deleted at any time, also while it is used: that costs a cold run.
import { renameSync, utimesSync } from 'node:fs';
import { chmod, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesText } from '../../util/bytes.js';
import { messageOf } from '../../util/errors.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';
import { acquireLock, tryExistingLock } from '../../util/process/lock.js';
import { trackTemp } from '../../util/process/reaper.js';
import { type Manifest, MANIFEST_FILE, MAX_MANIFEST, readManifest } from '../manifest.js';
import { Draft, type DraftHome } from './draft.js';
import {
  bytesOnDisk,
  draftName,
  isBeingSaved,
  keysIn,
  lastUse,
  LOCK_FILE,
  removeFolder,
  removeUnused,
  sweep,
} from './folders.js';
import { Ladder, lastRung, passedRungs, type Wanted } from './ladder.js';
import { stuckReason } from './stuck.js';
import { problemOf } from './verify.js';

/** Bytes that a save leaves free on the disk: the run's own result must find room. */
const RESERVE = 512 << 20;

/** `unusable`: it was there, and was removed because something is wrong with it. */
export type Found = { state: 'found'; ladder: Ladder } | { state: 'none' } | { state: 'unusable'; why: string };
/** `busy`: another run saves this ladder now. */
export type Begun = { state: 'begun'; draft: Draft } | { state: 'failed' | 'busy'; why: string };

export interface ListedLadder {
  key: string;
  /** On disk. */
  bytes: number;
  /** Milliseconds since 1970. */
  usedAt: number;
  /** Why its later rungs cannot be saved; null if they were, or nobody has tried lately. */
  stuck: string | null;
}

export class SnapshotStore {
  /**
   * Creates the store.
   * @param root its folder (`snapshotsDir`); it may be missing
   * @param maxBytes on disk, for all ladders together
   */
  constructor(
    readonly root: string,
    private readonly maxBytes: number,
  ) {}

  /**
   * Finds a ladder and checks the files of its last rung at `upTo` or before. An unusable one is removed. Rejects only
   * when `signal` is aborted. The caller releases the ladder when its machine has ended.
   */
  async find(key: string, { signal, ...wanted }: Wanted & { signal?: AbortSignal }): Promise<Found> {
    const dir = join(this.root, key);
    const lock = await tryExistingLock(join(dir, LOCK_FILE), 'shared', signal);
    if (lock === null) return { state: 'none' };
    let kept = false;
    try {
      const manifest = manifestIn(dir, key);
      if (manifest === null) return await this.unusable(key, 'its manifest is damaged, or of another version');
      const saved = lastRung(manifest, wanted);
      if (saved === null) return { state: 'none' };
      const { console, marks, journal } = manifest;
      const passed = (passedRungs(manifest, saved.rung) ?? []).map((rung) => rung.ram);
      const problem = await problemOf(dir, [console, marks, journal, saved.state, saved.ram, ...passed], signal);
      if (problem !== null) return await this.unusable(key, problem);
      touch(join(dir, LOCK_FILE));
      kept = true;
      return { state: 'found', ladder: new Ladder(dir, manifest, saved, lock) };
    } catch (error) {
      signal?.throwIfAborted();
      return { state: 'unusable', why: messageOf(error) };
    } finally {
      if (!kept) lock.release();
    }
  }

  /**
   * Starts a new ladder, if the disk has room and nobody else saves it. If two start at the same moment, both may be
   * refused. Rejects only when `signal` is aborted.
   * @param bytes what it may need
   */
  async begin(key: string, { bytes, signal }: { bytes: number; signal?: AbortSignal }): Promise<Begun> {
    try {
      await mkdir(this.root, { recursive: true });
      // QEMU opens files in it for writing as a user of its own, so they are open to all, and the folder is closed.
      await chmod(this.root, 0o700);
      await sweep(this.root);
      const { bavail, bsize } = await statfs(this.root);
      const free = bavail * bsize;
      if (free < bytes + RESERVE)
        return { state: 'failed', why: `the disk has ${bytesText(free)} left, and ${bytesText(RESERVE)} stay free` };
      const name = draftName(key);
      const dir = join(this.root, name);
      trackTemp(dir);
      const lock = await acquireLock(join(dir, LOCK_FILE), { signal });
      const draft = new Draft(key, dir, lock, this.home());
      if (!(await isBeingSaved(this.root, key, name))) return { state: 'begun', draft };
      draft.discard();
      return { state: 'busy', why: 'another run saves this machine now' };
    } catch (error) {
      signal?.throwIfAborted();
      return { state: 'failed', why: messageOf(error) };
    }
  }

  /** Removes a ladder that cannot be used, even while other runs use it. Never rejects. */
  async remove(key: string): Promise<void> {
    await removeFolder(this.root, key).catch(() => undefined);
  }

  /** Removes the ladders that were not used for longest, until `more` bytes fit. Returns how many bytes are left. */
  async bound(more = 0): Promise<number> {
    await sweep(this.root);
    const ladders = (await this.list()).sort((a, b) => a.usedAt - b.usedAt);
    let total = ladders.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { key, bytes } of ladders) {
      if (total + more <= this.maxBytes) break;
      if (await removeUnused(this.root, key)) total -= bytes;
    }
    return total;
  }

  async list(): Promise<ListedLadder[]> {
    const ladders: ListedLadder[] = [];
    for (const key of keysIn(this.root)) {
      const dir = join(this.root, key);
      ladders.push({ key, bytes: await bytesOnDisk(dir), usedAt: lastUse(dir), stuck: stuckReason(dir) });
    }
    return ladders;
  }

  /** Removes all ladders that nobody uses, and what killed labs left. Returns what it removed. */
  async clear(): Promise<{ ladders: number; bytes: number }> {
    await sweep(this.root);
    const removed = { ladders: 0, bytes: 0 };
    for (const { key, bytes } of await this.list()) {
      if (!(await removeUnused(this.root, key))) continue;
      removed.ladders++;
      removed.bytes += bytes;
    }
    return removed;
  }

  private async unusable(key: string, why: string): Promise<Found> {
    await this.remove(key);
    return { state: 'unusable', why };
  }

  private home(): DraftHome {
    return {
      makeRoom: async (bytes) => {
        if (bytes > this.maxBytes) return false;
        return (await this.bound(bytes)) + bytes <= this.maxBytes;
      },
      name: (dir, manifest) => this.name(dir, manifest),
    };
  }

  /** Two labs may be here at once: one name cannot be given twice. */
  private async name(dir: string, manifest: Manifest): Promise<boolean> {
    const there = manifestIn(join(this.root, manifest.key), manifest.key);
    if (there !== null) {
      const has = new Set(there.rungs.map(({ rung }) => rung));
      if (manifest.rungs.every(({ rung }) => has.has(rung))) return false;
      if (!(await removeUnused(this.root, manifest.key))) return false;
    }
    try {
      touch(join(dir, LOCK_FILE));
      renameSync(dir, join(this.root, manifest.key));
      return true;
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }
}

/** Null if there is none, or it is of no use. */
function manifestIn(dir: string, key: string): Manifest | null {
  try {
    const text = readRegularFileSync(join(dir, MANIFEST_FILE), { maxBytes: MAX_MANIFEST });
    const manifest = readManifest(text.toString('utf8'));
    return manifest?.key === key ? manifest : null;
  } catch {
    return null;
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // A cache that cannot be written can still be used.
  }
}
