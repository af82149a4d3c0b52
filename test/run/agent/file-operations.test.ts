// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { FileAction } from '../../../src/model/scenario/file-steps.js';
import type { MemfdSpec } from '../../../src/model/scenario/scenario.js';
import { Pattern } from '../../../src/oracles/files/pattern.js';
import { checkName, fileApplied, fileRequest } from '../../../src/run/agent/file-operations.js';
import { applied } from '../../../src/run/agent/operations.js';
import { expectedOf } from '../../../src/run/agent/reported.js';
import type { FileState } from '../../../src/run/state/file.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { fakeRecorder, reply } from '../../fakes/parts.js';

const PAGE = 4096;
const SIZE = 4 * PAGE;

function withRam(more: Partial<MemfdSpec> = {}): RunState {
  const state = new RunState();
  const memfd: MemfdSpec = {
    kind: 'memfd',
    file: 'ram',
    size: SIZE,
    seed: 7,
    holes: [],
    huge: false,
    seals: ['shrink'],
    position: 12,
    ...more,
  };
  applied({ op: 'memfd', memfd }, state);
  return state;
}

function fileOf(state: RunState, name = 'ram'): FileState {
  const file = state.files.get(name);
  if (file === undefined) throw new Error(`no file ${name}`);
  return file;
}

function run(state: RunState, ...actions: FileAction[]): RunState {
  for (const action of actions) fileApplied(action, state, action.op === 'write' ? { done: action.count } : {});
  return state;
}

function pageOf(state: RunState, page: number, name = 'ram'): Buffer {
  const { pattern } = fileOf(state, name);
  if (!(pattern instanceof Pattern)) throw new Error(`${name} is a guest's file`);
  return Buffer.from(pattern.page(page));
}

const filled = (seed: number, page: number) => Buffer.from(new Pattern({ size: 1 << 20, seed, holes: [] }).page(page));
const write = (first: number, count: number): FileAction => ({ op: 'write', file: 'ram', seed: 9, first, count });
const reopen: FileAction = { op: 'reopen', file: 'ram', as: 'other', access: 'r' };
const seal = (...seals: Extract<FileAction, { op: 'seal' }>['seals']): FileAction => ({
  op: 'seal',
  file: 'ram',
  seals,
});

describe('what the agent is asked', () => {
  // prettier-ignore
  it.each<[FileAction, [string, Record<string, string | number>], number, string]>([
    [write(2, 3), ['write', { file: 'ram', seed: 9, first: 2, count: 3 }], 3 * PAGE, 'ram'],
    [{ op: 'truncate', file: 'ram', size: 5 }, ['truncate', { file: 'ram', size: 5 }], SIZE, 'ram'],
    [
      { op: 'fallocate', file: 'ram', first: 1, count: 2, how: 'keep-size' },
      ['fallocate', { file: 'ram', offset: PAGE, length: 2 * PAGE, how: 'keep-size' }], 2 * PAGE, 'ram',
    ],
    [seal('write', 'exec'), ['seal', { file: 'ram', seals: 'write,exec' }], SIZE, 'ram'],
    [reopen, ['reopen', { file: 'ram', as: 'other', access: 'r' }], 0, 'ram'],
    [{ op: 'seek', file: 'ram', position: 99 }, ['seek', { file: 'ram', pos: 99 }], 0, 'ram'],
    [{ op: 'get-name', session: 'vm0', name: 'x' }, ['get-name', { session: 'vm0' }], 0, 'vm0'],
  ])('%j', (action, request, bytes, target) => {
    expect(fileRequest(action, withRam())).toEqual({ request, bytes, target });
  });
});

describe('a write', () => {
  it('replaces the pages that the agent says are done, and no others', () => {
    const state = withRam();
    fileApplied(write(1, 3), state, { done: 2 });
    expect([0, 1, 2, 3].map((page) => pageOf(state, page))).toEqual([
      filled(7, 0),
      filled(9, 1),
      filled(9, 2),
      filled(7, 3),
    ]);
  });

  it.each<[unknown, number]>([
    [undefined, 0],
    ['4', 0],
    [1.5, 0],
    [-3, 0],
    [2 ** 60, 0],
    [1e9, 2],
  ])('of which the agent says that %j pages are done has written %i of 2', (done, pages) => {
    const state = withRam();
    fileApplied(write(0, 2), state, { done });
    expect([0, 1, 2].filter((page) => pageOf(state, page).equals(filled(9, page)))).toHaveLength(pages);
    const { spec } = fileOf(state);
    expect(spec).toMatchObject(pages === 0 ? { size: SIZE } : { written: [{ first: 0, count: pages, seed: 9 }] });
    if (pages === 0) expect(spec).not.toHaveProperty('written');
  });

  it.each<[string, number, number]>([
    ['behind the end makes the file longer by what was written', 2, 6 * PAGE],
    ['that stopped before the end leaves the size as it is', 1, SIZE - 8],
  ])('%s', (_, done, size) => {
    const state = withRam({ size: SIZE - 8 });
    fileApplied({ op: 'write', file: 'ram', seed: 9, first: done === 2 ? 4 : 2, count: 3 }, state, { done });
    expect(expectedOf(fileOf(state))).toMatchObject({ size, blocks: null });
  });
});

describe('a range of pages', () => {
  it('that is punched out reads as zeros; the size stays', () => {
    const state = run(withRam(), { op: 'fallocate', file: 'ram', first: 3, count: 9, how: 'punch-hole' });
    expect(pageOf(state, 3)).toEqual(Buffer.alloc(PAGE));
    expect(pageOf(state, 2)).toEqual(filled(7, 2));
    expect(expectedOf(fileOf(state))?.size).toBe(SIZE);
  });

  it.each<['allocate' | 'keep-size', number, number]>([
    ['allocate', 3, 6 * PAGE],
    ['allocate', 1, SIZE],
    ['keep-size', 3, SIZE],
  ])('allocated with %s from page %i on leaves %i bytes', (how, first, size) => {
    const state = run(withRam(), { op: 'fallocate', file: 'ram', first, count: 3, how });
    expect(expectedOf(fileOf(state))?.size).toBe(size);
    expect(pageOf(state, 3)).toEqual(filled(7, 3));
  });
});

describe('another descriptor', () => {
  it('starts at 0 with its own rights and in no session, and shares content, size and seals', () => {
    const state = withRam();
    applied({ op: 'create', session: 'vm0' }, state);
    applied({ op: 'preserve', session: 'vm0', file: 'ram', token: 1 }, state);
    fileOf(state).runs = [{ page: 0, pfn: 9, count: 4 }];
    run(state, reopen, write(0, 1), seal('grow'), { op: 'seek', file: 'ram', position: 50 });
    const [ram, other] = [fileOf(state), fileOf(state, 'other')];
    expect(other).toMatchObject({ name: 'other', preservedIn: [], runs: [] });
    expect(expectedOf(ram)).toMatchObject({ position: 50, access: null, seals: ['grow', 'shrink'] });
    expect(expectedOf(other)).toMatchObject({ position: 0, access: 'r', seals: ['grow', 'shrink'] });
    expect(pageOf(state, 0, 'other')).toEqual(filled(9, 0));
    run(state, { op: 'truncate', file: 'other', size: PAGE });
    expect([ram, other].map((file) => [file.spec.size, expectedOf(file)?.size])).toEqual([
      [PAGE, PAGE],
      [PAGE, PAGE],
    ]);
    expect(state.leaving().map(({ name }) => name)).toEqual(['ram']);
  });

  it('of one file does not share the content of another', () => {
    const state = withRam();
    applied({ op: 'memfd', memfd: { ...(fileOf(state).spec as MemfdSpec), file: 'apart' } }, state);
    run(state, write(0, 1));
    expect(pageOf(state, 0, 'apart')).toEqual(filled(7, 0));
  });
});

describe('F_SEAL_EXEC', () => {
  const all = ['exec', 'future_write', 'grow', 'shrink', 'write'];

  it.each<[string, Partial<MemfdSpec>, number | null, string[]]>([
    ['seals against writes if the file was made to be executed', {}, null, all],
    ['does not if it was made with MFD_NOEXEC_SEAL', { flags: ['noexec'] }, null, ['exec', 'shrink']],
    ['does if the kernel says that it can be executed', { flags: ['noexec'] }, 0o777, all],
    ['does not if the kernel says that it cannot be', {}, 0o666, ['exec', 'shrink']],
  ])('%s', (_, more, mode, seals) => {
    const state = withRam(more);
    const file = fileOf(state);
    const now = expectedOf(file);
    if (mode !== null && now !== null) file.reported = { ...now, mode };
    run(state, seal('exec'));
    expect(expectedOf(file)?.seals).toEqual(seals);
  });
});

it('a file that came back must now hold what the steps of this kernel have written', () => {
  const state = withRam();
  applied({ op: 'create', session: 'vm0' }, state);
  applied({ op: 'preserve', session: 'vm0', file: 'ram', token: 1 }, state);
  fileOf(state).runs = [{ page: 0, pfn: 100, count: 4 }];
  state.jumped();
  applied({ op: 'retrieve', session: 'vm0', token: 1, file: 'ram' }, state);
  run(state, write(0, 1), { op: 'fallocate', file: 'ram', first: 1, count: 1, how: 'punch-hole' });
  run(state, { op: 'truncate', file: 'ram', size: 3 * PAGE });
  const [expected] = state.expected.values();
  expect(expected?.pattern).toBe(fileOf(state).pattern);
  expect(expected?.runs).toEqual([
    { page: 0, pfn: 100, count: 1 },
    { page: 2, pfn: 102, count: 1 },
  ]);
});

it('a step on a file that is not there, or is no memfd, changes nothing', () => {
  const state = new RunState();
  run(state, write(0, 1), reopen);
  expect(state.files.size).toBe(0);
});

describe("a session's name", () => {
  const check = (name: string, data: Record<string, unknown>) => {
    const { recorder } = fakeRecorder();
    checkName({ recorder }, { op: 'get-name', session: 'vm0', name }, reply({ data }));
    return recorder.incidents;
  };

  it('is compared byte by byte, beyond ASCII too', () => {
    expect(check('vm-ä', { name: Buffer.from('vm-ä').toString('latin1') })).toEqual([]);
    expect(check('vm-ä', { name: 'vm-ä' })).toHaveLength(1);
  });

  it.each<[string, unknown, string]>([
    ['another', 'vm1', 'vm0: the kernel says "vm1", expected "x"'],
    ['no text', 5, 'vm0: the kernel says "", expected "x"'],
    ['one with control characters', '\x1b[2Jx', 'vm0: the kernel says "\\x1b[2Jx", expected "x"'],
  ])('that is %s is corrupt', (_, name, detail) => {
    expect(check('x', { name })).toMatchObject([{ side: 'inside', implies: 'corrupt', detail }]);
  });

  it('that is endless is cut in the report', () => {
    expect(check('x', { name: 'y'.repeat(1 << 20) })[0]?.detail?.length).toBeLessThan(200);
  });
});

describe('what the kernel may split', () => {
  it('is a file of which a step took a part away, under all its names', () => {
    const state = run(withRam(), reopen, { op: 'truncate', file: 'other', size: PAGE });
    expect([fileOf(state).cut, fileOf(state, 'other').cut]).toEqual([true, true]);
    const punched = run(withRam(), { op: 'fallocate', file: 'ram', first: 1, count: 1, how: 'punch-hole' });
    expect(fileOf(punched).cut).toBe(true);
  });

  it('is no file that grew, or was written', () => {
    const longer: FileAction = { op: 'truncate', file: 'ram', size: 2 * SIZE };
    const more: FileAction = { op: 'fallocate', file: 'ram', first: 0, count: 9, how: 'allocate' };
    expect(fileOf(run(withRam(), longer, more, write(0, 2))).cut).toBeUndefined();
  });
});
