// SPDX-License-Identifier: Apache-2.0
// Several labs share one store, and some of them are killed.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../util/temporary.js';
import { begin, emptyStore, fill, KEY, keyOf, save } from './box.js';

const WRITER = fileURLToPath(new URL('writer.ts', import.meta.url));

/** Another lab. `said`: its first line. */
function lab(what: 'publish' | 'wait' | 'hold', root: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITER, what, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    child,
    said: new Promise<string>((resolve) =>
      child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
    ),
    gone: new Promise<void>((resolve) => child.once('exit', () => resolve())),
  };
}

describe('two labs that want to save one machine at once', () => {
  it('the second saves nothing until the first has ended, however that went', async () => {
    const store = emptyStore();
    const first = await begin(store);
    expect(await store.begin(KEY, { bytes: 1 })).toEqual({ state: 'busy', why: 'another run saves this machine now' });
    // Another machine has nothing to do with it.
    (await begin(store, keyOf('b'))).discard();
    expect(readdirSync(store.root)).toEqual([basename(first.dir)]);
    first.discard();
    const second = await begin(store);
    expect(await second.publish(fill(second))).toMatchObject({ state: 'published' });
    expect(readdirSync(store.root)).toEqual([KEY]);
  });

  it('never both save, if they begin at the same moment', async () => {
    const store = emptyStore();
    const begun = await Promise.all([1, 2, 3].map(() => store.begin(KEY, { bytes: 1 })));
    const drafts = begun.flatMap((each) => (each.state === 'begun' ? [each.draft] : []));
    expect(begun.map(({ state }) => state)).not.toContain('failed');
    expect(drafts.length).toBeLessThan(2);
    for (const draft of drafts) draft.discard();
    expect(readdirSync(store.root)).toEqual([]);
  });

  it("holds for processes of their own; a killed one is in nobody's way", async () => {
    const store = emptyStore();
    const writer = lab('wait', store.root);
    expect(await writer.said).toBe('written');
    expect(await store.begin(KEY, { bytes: 1 })).toMatchObject({ state: 'busy' });
    writer.child.kill('SIGKILL');
    await writer.gone;
    await save(store);
    expect(await store.find(KEY, { upTo: 'jump' })).toMatchObject({ state: 'found' });
  });
});

describe('a lab that is killed while it saves', () => {
  it('leaves nothing', async () => {
    const store = emptyStore();
    const writer = lab('wait', store.root);
    expect(await writer.said).toBe('written');
    expect(readdirSync(store.root)).toHaveLength(1);
    writer.child.kill('SIGKILL');
    await until('the draft is gone', () => readdirSync(store.root).length === 0);
  });

  it('leaves what the next save removes, if its host went down too; a living one keeps its draft', async () => {
    const store = emptyStore();
    const living = await begin(store);
    mkdirSync(join(store.root, `.draft-${KEY}-12345678`));
    writeFileSync(join(store.root, `.draft-${KEY}-12345678`, 'lock'), '');
    mkdirSync(join(store.root, '.gone-12345678'));
    writeFileSync(join(store.root, '.gone-12345678', 'jump.ram'), 'x');
    const second = await begin(store, keyOf('b'));
    expect(
      readdirSync(store.root)
        .map((name) => join(store.root, name))
        .sort(),
    ).toEqual([living.dir, second.dir].sort());
    expect(await living.publish(fill(living))).toMatchObject({ state: 'published' });
    second.discard();
  });
});

describe('the bound', () => {
  const MIB = 1 << 20;

  it('removes what was not used for longest', async () => {
    const store = emptyStore(5 * MIB);
    const used = (digit: string, hour: number) =>
      utimesSync(join(store.root, keyOf(digit), 'lock'), hour * 3600, hour * 3600);
    for (const digit of ['1', '2', '3']) await save(store, { key: keyOf(digit), rungs: ['jump'], bytes: MIB });
    used('1', 2);
    used('2', 1);
    used('3', 3);
    // A use counts, not only the save.
    const found = await store.find(keyOf('2'), { upTo: 'jump' });
    if (found.state === 'found') found.ladder.release();
    await save(store, { key: keyOf('4'), rungs: ['jump'], bytes: 2 * MIB });
    expect(readdirSync(store.root).sort()).toEqual([keyOf('2'), keyOf('3'), keyOf('4')]);
  });

  it('never removes a ladder that a living lab uses, and a killed one uses nothing', async () => {
    const store = emptyStore(3 * MIB);
    await save(store, { rungs: ['jump'], bytes: 2 * MIB });
    const holder = lab('hold', store.root);
    expect(await holder.said).toBe('found');
    const draft = await begin(store, keyOf('b'));
    expect(await draft.publish(fill(draft, ['jump'], 2 * MIB))).toMatchObject({
      state: 'failed',
      why: expect.stringContaining('no room'),
    });
    expect(await store.clear()).toEqual({ ladders: 0, bytes: 0 });
    expect(readdirSync(store.root)).toEqual([KEY]);
    holder.child.kill('SIGKILL');
    await holder.gone;
    await save(store, { key: keyOf('b'), rungs: ['jump'], bytes: 2 * MIB });
    expect(readdirSync(store.root)).toEqual([keyOf('b')]);
  });

  it('refuses a ladder that is larger, and removes nothing for it', async () => {
    const store = emptyStore(3 * MIB);
    await save(store, { rungs: ['jump'], bytes: MIB });
    const draft = await begin(store, keyOf('b'));
    expect(await draft.publish(fill(draft, ['jump'], 4 * MIB))).toMatchObject({ state: 'failed' });
    expect(readdirSync(store.root)).toEqual([KEY]);
  });

  it('counts what is on the disk, not holes', async () => {
    const store = emptyStore();
    const dir = await save(store, { rungs: ['jump'], bytes: 4096 });
    expect(statSync(join(dir, 'jump.ram')).size).toBeGreaterThan(4 * MIB);
    const [listed] = await store.list();
    expect(listed?.bytes).toBeGreaterThan(4096);
    expect(listed?.bytes).toBeLessThan(MIB);
    expect(await store.clear()).toEqual({ ladders: 1, bytes: listed?.bytes });
  });
});

describe('a store that is deleted', () => {
  it('while a ladder is used harms nobody', async () => {
    const store = emptyStore();
    await save(store);
    const found = await store.find(KEY, { upTo: 'jump' });
    rmSync(store.root, { recursive: true });
    if (found.state === 'found') found.ladder.release();
    expect(await store.find(KEY, { upTo: 'jump' })).toEqual({ state: 'none' });
    expect(await store.list()).toEqual([]);
  });

  it('while a ladder is saved costs that ladder', async () => {
    const store = emptyStore();
    const draft = await begin(store);
    const contents = fill(draft);
    rmSync(store.root, { recursive: true });
    expect(await draft.publish(contents)).toMatchObject({ state: 'failed' });
    expect(existsSync(store.root)).toBe(false);
  });
});
