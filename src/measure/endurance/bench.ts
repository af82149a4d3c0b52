// SPDX-License-Identifier: Apache-2.0
// Where the labs of an endurance run: folders and an environment of their own, and small disks that fill up.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultCacheDir } from '../../images/cache/cache.js';
import { runCommand } from '../../util/process/command.js';
import { trackTemp } from '../../util/process/reaper.js';
import { hasOwnMounts, leftovers, type Places, type Traces } from './leftovers.js';

const TAG = 'LAB_ENDURANCE_OF';

export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'lab-endure-'));
  readonly results = join(this.folder, 'results');
  readonly temporary = join(this.folder, 'tmp');
  /** A view of the real cache, whose writes go to a small disk. */
  readonly cache = join(this.folder, 'cache');
  private readonly upper = join(this.folder, 'upper');
  /** Processes of the bench itself, which live through the rounds. */
  readonly lasting = new Set<number>();

  constructor() {
    trackTemp(this.folder);
    mkdirSync(this.temporary);
    mkdirSync(this.results);
  }

  get env(): NodeJS.ProcessEnv {
    return { TMPDIR: this.temporary, [TAG]: this.folder };
  }

  get places(): Places {
    return { temporary: this.temporary, results: this.results };
  }

  get traces(): Traces {
    return { tag: `${TAG}=${this.folder}`, folders: [this.temporary, this.results, this.cache], except: this.lasting };
  }

  /** Why disks cannot be filled here; null if they can. */
  get noDisks(): string | null {
    return hasOwnMounts() ? null : 'needs root, for small disks in a mount namespace';
  }

  /** Mounts a small disk on one of the places. Throws if that fails. */
  async fill(what: 'results' | 'temporary' | 'cache', bytes: number): Promise<void> {
    if (what !== 'cache') return mount(['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', this[what]]);
    mkdirSync(this.cache, { recursive: true });
    mkdirSync(this.upper, { recursive: true });
    await mount(['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', this.upper]);
    const [up, work] = [join(this.upper, 'up'), join(this.upper, 'work')];
    mkdirSync(up);
    mkdirSync(work);
    const layers = `lowerdir=${defaultCacheDir()},upperdir=${up},workdir=${work}`;
    await mount(['-t', 'overlay', '-o', layers, 'overlay', this.cache]);
    // Without it, the lab has to write: it builds the root file system again.
    for (const name of readdirSync(join(this.cache, 'rootfs')))
      rmSync(join(this.cache, 'rootfs', name), { recursive: true, force: true });
  }

  /** Gives the small disk of the cache enough room. */
  async widen(): Promise<void> {
    await mount(['-o', 'remount,size=256m', this.upper]);
  }

  /** Everything that the round left behind, once clean-up had its time. */
  settled(): Promise<string[]> {
    return leftovers(this.traces, this.places);
  }

  async unfill(): Promise<void> {
    for (const path of [this.results, this.temporary, this.cache, this.upper])
      await runCommand(['umount', '--quiet', path]);
  }

  /** Removes what a round left, after it was looked at. */
  clear(): void {
    for (const folder of [this.results, this.temporary])
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
  }

  /** Keeps what belongs to a problem, for people. */
  keep(into: string, messages: string): void {
    rmSync(into, { recursive: true, force: true });
    mkdirSync(into, { recursive: true });
    writeFileSync(join(into, 'messages.txt'), messages);
    if (existsSync(this.results)) cpSync(this.results, join(into, 'results'), { recursive: true });
  }
}

async function mount(args: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(['mount', ...args]);
  if (code !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr.trim()}`);
}
