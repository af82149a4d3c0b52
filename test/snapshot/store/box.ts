// SPDX-License-Identifier: Apache-2.0
// Stores with small ladders, for the tests of the store.
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Draft, type DraftManifest, snapshotsDir, SnapshotStore } from '../../../src/snapshot/index.js';
import type { Rung } from '../../../src/model/result/snapshot.js';
import { temporaryFolder } from '../../util/temporary.js';

export const KEY = 'a1'.repeat(16);
export const keyOf = (digit: string): string => digit.repeat(32);

export function emptyStore(maxBytes = 2 ** 30): SnapshotStore {
  return new SnapshotStore(snapshotsDir(temporaryFolder()), maxBytes);
}

export async function begin(store: SnapshotStore, key = KEY): Promise<Draft> {
  const begun = await store.begin(key, { bytes: 1 << 20 });
  if (begun.state !== 'begun') throw new Error(begun.why);
  return begun.draft;
}

/** Writes the files of some rungs. `bytes`: of RAM that is not a hole. */
export function fill(draft: Draft, rungs: readonly Rung[] = ['booted', 'jump'], bytes = 1000): DraftManifest {
  for (const rung of rungs) {
    writeFileSync(draft.path(`${rung}.state`), `state of ${rung}`);
    writeFileSync(draft.path(`${rung}.ram`), Buffer.alloc(bytes, rung));
    truncateSync(draft.path(`${rung}.ram`), (4 << 20) + bytes);
  }
  writeFileSync(draft.path('console.log'), 'Linux version\n');
  writeFileSync(draft.path('ready.log'), 'ready\n');
  writeFileSync(draft.path('journal.jsonl'), '');
  return {
    qemuVersion: 'QEMU 7.2',
    boot: { ms: 3000.5, console: 10, marks: 6 },
    rungs: rungs.map((rung) => ({
      rung,
      state: `${rung}.state`,
      ram: `${rung}.ram`,
      registers: 'CPU#0\nRAX=0\n',
      console: 14,
      marks: 6,
      journal: 0,
    })),
    console: 'console.log',
    marks: 'ready.log',
    journal: 'journal.jsonl',
  };
}

/** Saves a ladder; returns its folder. */
export async function save(
  store: SnapshotStore,
  { key = KEY, rungs, bytes }: { key?: string; rungs?: readonly Rung[]; bytes?: number } = {},
): Promise<string> {
  const draft = await begin(store, key);
  const published = await draft.publish(fill(draft, rungs, bytes));
  if (published.state !== 'published') throw new Error(JSON.stringify(published));
  return join(store.root, key);
}
