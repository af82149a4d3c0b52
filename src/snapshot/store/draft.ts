// SPDX-License-Identifier: Apache-2.0
// A ladder that is being saved: a hidden folder that gets its name when it is whole. If the lab is killed, its reaper
// removes the folder; if the host goes down, the next lab does.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesText } from '../../util/bytes.js';
import { isDiskFull, messageOf } from '../../util/errors.js';
import type { Lock } from '../../util/process/lock.js';
import { removeTemp, untrackTemp } from '../../util/process/reaper.js';
import { digestOf } from '../digest.js';
import { type Manifest, MANIFEST_FILE, MANIFEST_SCHEMA, manifestText, type SavedFile } from '../manifest.js';
import type { Rung } from '../../model/result/snapshot.js';
import { bytesOnDisk } from './folders.js';
import { remember } from './verify.js';

/** A rung as it was saved: names of files in the draft, and how much came before it. */
export interface DraftRung {
  rung: Rung;
  state: string;
  ram: string;
  registers: string;
  console: number;
  marks: number;
  journal: number;
  /** See `operationsBeforeFiles`. */
  operations?: string;
}

/** All of a ladder; `console`, `marks` and `journal` are names of files in the draft. */
export interface DraftManifest {
  qemuVersion: string;
  boot: Manifest['boot'];
  rungs: readonly DraftRung[];
  console: string;
  marks: string;
  journal: string;
}

/** `exists`: another lab was first, and its ladder has all these rungs. */
export type Published = { state: 'published'; bytes: number } | { state: 'exists' } | { state: 'failed'; why: string };

/** What a draft needs of its store. */
export interface DraftHome {
  /** Removes others until a ladder of this size fits; false if it cannot. */
  makeRoom(bytes: number): Promise<boolean>;
  /** Gives a finished folder its name; false if a ladder is there already that is as good. */
  name(dir: string, manifest: Manifest): Promise<boolean>;
}

export class Draft {
  private over = false;

  constructor(
    readonly key: string,
    readonly dir: string,
    private readonly lock: Lock,
    private readonly home: DraftHome,
  ) {}

  /** Where a file of the ladder is written. Names consist of small letters, digits, dots and dashes. */
  path(name: string): string {
    return join(this.dir, name);
  }

  /**
   * Hashes all files and gives the ladder its name. The draft is over then, however it went. Rejects only when `signal`
   * is aborted.
   */
  async publish(contents: DraftManifest, signal?: AbortSignal): Promise<Published> {
    try {
      const manifest = await this.describe(contents, signal);
      const bytes = await bytesOnDisk(this.dir);
      if (!(await this.home.makeRoom(bytes)))
        return { state: 'failed', why: `there is no room for its ${bytesText(bytes)} (LAB_SNAPSHOTS_SIZE)` };
      if (!(await this.home.name(this.dir, manifest))) return { state: 'exists' };
      this.over = true;
      untrackTemp(this.dir);
      return { state: 'published', bytes };
    } catch (error) {
      signal?.throwIfAborted();
      return { state: 'failed', why: isDiskFull(error) ? `the disk is full: ${messageOf(error)}` : messageOf(error) };
    } finally {
      this.discard();
    }
  }

  /** Removes what was written, unless it was published. */
  discard(): void {
    if (!this.over) removeTemp(this.dir);
    this.over = true;
    this.lock.release();
  }

  private async describe(contents: DraftManifest, signal: AbortSignal | undefined): Promise<Manifest> {
    const stamps: Record<string, string> = {};
    const describeFile = async (file: string): Promise<SavedFile> => {
      const { digest, bytes, stamp } = await digestOf(this.path(file), signal);
      stamps[file] = stamp;
      return { file, digest, bytes };
    };
    const rungs: Manifest['rungs'] = [];
    for (const rung of contents.rungs)
      rungs.push({ ...rung, state: await describeFile(rung.state), ram: await describeFile(rung.ram) });
    const manifest: Manifest = {
      schema: MANIFEST_SCHEMA,
      id: randomBytes(8).toString('hex'),
      key: this.key,
      savedAt: new Date().toISOString(),
      qemuVersion: contents.qemuVersion,
      boot: contents.boot,
      rungs,
      console: await describeFile(contents.console),
      marks: await describeFile(contents.marks),
      journal: await describeFile(contents.journal),
    };
    writeFileSync(this.path(MANIFEST_FILE), manifestText(manifest));
    remember(this.dir, stamps);
    return manifest;
  }
}
