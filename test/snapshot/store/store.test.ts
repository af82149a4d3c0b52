// SPDX-License-Identifier: Apache-2.0
// A ladder is found as it was saved, or not at all.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Rung } from '../../../src/model/result/snapshot.js';
import type { SnapshotStore } from '../../../src/snapshot/index.js';
import { stampAt } from '../../../src/snapshot/digest.js';
import { begin, emptyStore, fill, KEY, keyOf, save } from './box.js';

function pipe(path: string): void {
  rmSync(path);
  execFileSync('mkfifo', [path]);
}

async function find(store: SnapshotStore, upTo: Rung = 'jump', key = KEY) {
  const found = await store.find(key, { upTo });
  if (found.state === 'found') found.ladder.release();
  return found;
}

const rungOf = async (store: SnapshotStore, upTo: Rung) => {
  const found = await find(store, upTo);
  return found.state === 'found' ? found.ladder.rung : found.state;
};

describe('a saved ladder', () => {
  it('is found with all that was said of it, and nothing hidden stays', async () => {
    const store = emptyStore();
    expect(await find(store)).toEqual({ state: 'none' });
    await save(store);
    const found = await store.find(KEY, { upTo: 'jump' });
    if (found.state !== 'found') throw new Error(found.state);
    using ladder = found.ladder;
    expect(ladder.manifest).toMatchObject({ key: KEY, qemuVersion: 'QEMU 7.2' });
    expect(ladder.saved).toMatchObject({
      rung: 'jump',
      registers: 'CPU#0\nRAX=0\n',
      console: 14,
      marks: 6,
      journal: 0,
    });
    expect(readFileSync(ladder.path(ladder.saved.state), 'utf8')).toBe('state of jump');
    expect(readFileSync(ladder.path(ladder.manifest.console), 'utf8')).toBe('Linux version\n');
    expect(readdirSync(store.root)).toEqual([KEY]);
  });

  it('is for nobody else: its files may be open to all', async () => {
    const store = emptyStore();
    mkdirSync(store.root, { recursive: true, mode: 0o755 });
    await save(store);
    expect(statSync(store.root).mode & 0o777).toBe(0o700);
  });

  it('gives the last rung that the run may use', async () => {
    const store = emptyStore();
    await save(store, { rungs: ['luo', 'jump'] });
    expect(await Promise.all((['booted', 'jump', 'kho', 'retrieve'] as const).map((r) => rungOf(store, r)))).toEqual([
      'none',
      'jump',
      'jump',
      'luo',
    ]);
  });

  it('is not found by another key', async () => {
    const store = emptyStore();
    const dir = await save(store);
    expect(await find(store, 'jump', keyOf('b'))).toEqual({ state: 'none' });
    renameSync(dir, join(store.root, keyOf('b')));
    expect(await find(store, 'jump', keyOf('b'))).toMatchObject({ state: 'unusable' });
  });
});

describe('a ladder is removed, and its run boots cold, if', () => {
  /** Changes one byte, and puts the times back. */
  const flip = (path: string, at: number) => {
    const { atime, mtime } = statSync(path);
    const data = readFileSync(path);
    data[at] = (data[at] ?? 0) ^ 1;
    writeFileSync(path, data);
    utimesSync(path, atime, mtime);
  };
  it.each<[string, (dir: string) => void, RegExp]>([
    ['one byte of RAM was changed', (dir) => flip(join(dir, 'jump.ram'), 900), /content of jump\.ram was changed/],
    ['one byte of a hole was changed', (dir) => flip(join(dir, 'jump.ram'), 3 << 20), /jump\.ram was changed/],
    ['one byte of the state was changed', (dir) => flip(join(dir, 'jump.state'), 3), /jump\.state was changed/],
    ['one byte of the manifest was changed', (dir) => flip(join(dir, 'manifest.json'), 200), /manifest is damaged/],
    ['the manifest is a pipe', (dir) => pipe(join(dir, 'manifest.json')), /manifest is damaged/],
    ['the manifest is empty', (dir) => truncateSync(join(dir, 'manifest.json'), 0), /manifest is damaged/],
    ['the manifest is too large', (dir) => truncateSync(join(dir, 'manifest.json'), 32 << 20), /manifest is damaged/],
    ['RAM was truncated', (dir) => truncateSync(join(dir, 'jump.ram'), 4096), /4096 bytes instead of/],
    ['the state was truncated', (dir) => truncateSync(join(dir, 'jump.state'), 5), /5 bytes instead of/],
    ['the journal grew', (dir) => writeFileSync(join(dir, 'journal.jsonl'), '{}\n'), /3 bytes instead of 0/],
    ['the console is gone', (dir) => rmSync(join(dir, 'console.log')), /console\.log cannot be read/],
    [
      'a file was replaced by a link to the same content',
      (dir) => {
        copyFileSync(join(dir, 'jump.state'), join(dir, 'other'));
        rmSync(join(dir, 'jump.state'));
        symlinkSync('other', join(dir, 'jump.state'));
      },
      /jump\.state cannot be read/,
    ],
  ])('%s', async (_, damage, why) => {
    const store = emptyStore();
    const dir = await save(store);
    expect(await find(store)).toMatchObject({ state: 'found' });
    damage(dir);
    const found = await find(store);
    expect(found).toMatchObject({ state: 'unusable', why: expect.stringMatching(why) });
    expect(readdirSync(store.root)).toEqual([]);
    expect(await find(store)).toEqual({ state: 'none' });
  });

  it('but not for a file of a rung that is not used', async () => {
    const store = emptyStore();
    const dir = await save(store);
    flip(join(dir, 'jump.ram'), 1);
    expect(await rungOf(store, 'booted')).toBe('booted');
    expect(await rungOf(store, 'jump')).toBe('unusable');
  });
});

describe('the content of files', () => {
  it('is not read again while their stamps are the same', async () => {
    const store = emptyStore();
    const dir = await save(store);
    const [state, checked] = [join(dir, 'jump.state'), join(dir, 'checked.json')];
    const saved = await stampAt(state);
    writeFileSync(state, 'state of JUMP');
    // Only a forged stamp hides the change: a save stores the stamps, so nothing is hashed now.
    writeFileSync(checked, readFileSync(checked, 'utf8').replace(saved, await stampAt(state)));
    expect(await find(store)).toMatchObject({ state: 'found' });
  });

  it('is read again in another boot of the host, or without the stored stamps', async () => {
    const store = emptyStore();
    const dir = await save(store);
    const file = join(dir, 'checked.json');
    const checked = readFileSync(file, 'utf8');
    const stale = checked.replace(/"boot":"[^"]*"/, '"boot":"another"');
    expect(stale).not.toBe(checked);
    for (const content of [stale, 'no JSON', '']) {
      writeFileSync(file, content);
      expect(await find(store)).toMatchObject({ state: 'found' });
      expect(readFileSync(file, 'utf8')).toContain('jump.ram');
      expect(readFileSync(file, 'utf8')).not.toContain('another');
    }
  });
});

/** What may have the name of a file of the store. */
const ODD: readonly [string, (path: string) => void][] = [
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a folder', (path) => mkdirSync(path)],
  ['a device', (path) => symlinkSync('/dev/zero', path)],
];

describe.each(ODD)('%s', (_, make) => {
  it('in place of the stored stamps means that the files are read again', async () => {
    const store = emptyStore();
    const dir = await save(store);
    rmSync(join(dir, 'checked.json'));
    make(join(dir, 'checked.json'));
    expect(await find(store)).toMatchObject({ state: 'found' });
  });

  it('in place of the lock of a ladder means that there is none, and the next save replaces it', async () => {
    const store = emptyStore();
    const dir = await save(store);
    rmSync(join(dir, 'lock'));
    make(join(dir, 'lock'));
    expect(await find(store)).toEqual({ state: 'none' });
    await save(store);
    expect(await find(store)).toMatchObject({ state: 'found' });
  });

  it("in place of the lock of a draft, or of a ladder itself, is in nobody's way", async () => {
    const store = emptyStore();
    mkdirSync(join(store.root, `.draft-${KEY}-12345678`), { recursive: true });
    make(join(store.root, `.draft-${KEY}-12345678`, 'lock'));
    make(join(store.root, keyOf('b')));
    expect(await find(store, 'jump', keyOf('b'))).toEqual({ state: 'none' });
    await save(store);
    expect(readdirSync(store.root)).toEqual([KEY]);
  });
});

describe('a draft', () => {
  it('is gone when it is discarded', async () => {
    const store = emptyStore();
    const draft = await begin(store);
    fill(draft);
    draft.discard();
    draft.discard();
    expect(readdirSync(store.root)).toEqual([]);
  });

  it('that cannot be written whole is not published, and leaves nothing', async () => {
    const store = emptyStore();
    const draft = await begin(store);
    const contents = fill(draft);
    rmSync(draft.path('jump.ram'));
    expect(await draft.publish(contents)).toMatchObject({ state: 'failed', why: expect.stringContaining('jump.ram') });
    expect(readdirSync(store.root)).toEqual([]);
  });

  it('on a full disk is not published, and the reason says so', async () => {
    const store = emptyStore();
    const draft = await begin(store);
    const contents = fill(draft);
    symlinkSync('/dev/full', draft.path('manifest.json'));
    expect(await draft.publish(contents)).toMatchObject({
      state: 'failed',
      why: expect.stringMatching(/^the disk is full: ENOSPC/),
    });
    expect(readdirSync(store.root)).toEqual([]);
  });

  it('is not begun if the disk has too little room, or the store cannot be made', async () => {
    const store = emptyStore();
    expect(await store.begin(KEY, { bytes: 2 ** 60 })).toMatchObject({
      state: 'failed',
      why: expect.stringContaining('the disk has'),
    });
    mkdirSync(join(store.root, '..'), { recursive: true });
    rmSync(store.root, { recursive: true, force: true });
    writeFileSync(store.root, '');
    expect(await store.begin(KEY, { bytes: 0 })).toMatchObject({ state: 'failed' });
  });

  it('ends with the run, when that is cancelled', async () => {
    const store = emptyStore();
    const draft = await begin(store);
    const contents = fill(draft);
    await expect(draft.publish(contents, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    expect(readdirSync(store.root)).toEqual([]);
  });
});

it('an older ladder gives way to one with more rungs, unless somebody uses it', async () => {
  const store = emptyStore();
  await save(store, { rungs: ['booted'] });
  const found = await store.find(KEY, { upTo: 'booted' });
  if (found.state !== 'found') throw new Error(found.state);
  const publish = async (rungs: readonly Rung[]) => {
    const draft = await begin(store);
    return (await draft.publish(fill(draft, rungs))).state;
  };
  expect(await publish(['booted', 'jump'])).toBe('exists');
  expect(existsSync(found.ladder.path(found.ladder.saved.ram))).toBe(true);
  found.ladder.release();
  expect(await publish(['booted', 'jump'])).toBe('published');
  expect(await publish(['booted'])).toBe('exists');
  expect(await rungOf(store, 'retrieve')).toBe('jump');
});

describe('the rungs of the next kernel', () => {
  const later: Rung[] = ['jump', 'luo', 'open', 'retrieve'];

  it('are found up to the one that is wanted', async () => {
    const store = emptyStore();
    await save(store, { rungs: later });
    for (const [upTo, rung] of [
      ['kho', 'jump'],
      ['luo', 'luo'],
      ['open', 'open'],
    ] as const)
      expect(await rungOf(store, upTo)).toBe(rung);
  });

  it('`retrieve` is only for a run that has the next kernel do the same before', async () => {
    const store = emptyStore();
    const draft = await begin(store);
    const contents = fill(draft, later);
    const rungs = contents.rungs.map((rung) => (rung.rung === 'retrieve' ? { ...rung, operations: 'one' } : rung));
    await draft.publish({ ...contents, rungs });
    const found = async (operations: string | null) => {
      const each = await store.find(KEY, { upTo: 'retrieve', operations });
      if (each.state !== 'found') return each.state;
      each.ladder.release();
      return each.ladder.rung;
    };
    expect([await found('one'), await found('other'), await found(null)]).toEqual(['retrieve', 'open', 'open']);
  });

  it('are of no use without a rung that a run passes before', async () => {
    const store = emptyStore();
    await save(store, { rungs: ['luo', 'open'] });
    expect(await rungOf(store, 'open')).toBe('none');
  });

  it('are checked with the memory of the rungs that a run passes', async () => {
    const store = emptyStore();
    const dir = await save(store, { rungs: later });
    writeFileSync(join(dir, 'jump.ram'), 'other');
    expect(await find(store, 'open')).toMatchObject({ state: 'unusable' });
  });
});
