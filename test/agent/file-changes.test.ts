// SPDX-License-Identifier: Apache-2.0
// Steps that change a file: after any of them the kernel's bytes, the agent's own check and the lab's pattern agree.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FileAction } from '../../src/model/scenario/file-steps.js';
import type { MemfdSpec } from '../../src/model/scenario/scenario.js';
import { applied, holesText, requestOf, writtenText } from '../../src/run/agent/operations.js';
import { expectedOf } from '../../src/run/agent/reported.js';
import { RunState } from '../../src/run/state/run-state.js';
import type { FileState } from '../../src/run/state/file.js';
import { Pattern } from '../../src/oracles/files/pattern.js';
import { AgentProcess, compile } from './agent-process.js';

let built: ReturnType<typeof compile>;
beforeAll(() => {
  built = compile('agent');
}, 120_000);
afterAll(() => built.remove());

class Client {
  readonly agent = new AgentProcess(built.program);
  readonly state = new RunState();
  private id = 0;
  private greeted: Promise<void> | null = null;

  async do(action: FileAction | { op: 'memfd'; memfd: MemfdSpec }) {
    await (this.greeted ??= this.agent.greet());
    const [op, args] = requestOf(action, this.state).request;
    const reply = await this.agent.ask(
      `${++this.id} ${op} ${Object.entries(args)
        .map(([key, value]) => `${key}=${value}`)
        .join(' ')}`,
    );
    if (reply.ok || op === 'write') applied(action, this.state, reply);
    return reply;
  }

  file(name: string): FileState & { spec: MemfdSpec } {
    const file = this.state.files.get(name);
    if (file?.spec.kind !== 'memfd') throw new Error(`no ${name}`);
    return file as FileState & { spec: MemfdSpec };
  }

  async isAsExpected(name: string): Promise<void> {
    const { spec, pattern } = this.file(name);
    const bytes = readFileSync(this.agent.pathOf('f'));
    expect(bytes.length).toBe(spec.size);
    const words = new Uint32Array(
      new Uint8Array(Buffer.concat([bytes, Buffer.alloc(4096 - (bytes.length % 4096 || 4096))])).buffer,
    );
    if (!(pattern instanceof Pattern)) throw new Error('no pattern');
    const wrong = Array.from({ length: pattern.pages }, (_, page) => page).filter((page) =>
      pattern.isHole(page)
        ? words.subarray(page * 1024, page * 1024 + 1024).some((word) => word !== 0)
        : pattern.compare(page, words, page * 1024) >= 0,
    );
    expect({ spec, wrong }).toEqual({ spec, wrong: [] });
    const { holes, written = [] } = spec;
    const verify = await this.agent.ask(
      `${++this.id} verify file=${name} size=${spec.size} seed=${spec.seed}` +
        (holes.length > 0 ? ` holes=${holesText(holes)}` : '') +
        (written.length > 0 ? ` written=${writtenText(written)}` : ''),
    );
    expect(verify).toMatchObject({ ok: true, bad: 0 });
    expect(await this.agent.ask(`${++this.id} stat file=${name}`)).toMatchObject({ size: spec.size });
  }
}

const memfd = (more: Partial<MemfdSpec> = {}): MemfdSpec => ({
  kind: 'memfd',
  file: 'f',
  size: 10_000,
  seed: 7,
  holes: [],
  huge: false,
  seals: ['seal'],
  position: 0,
  ...more,
});

/** Numbers that look random and are the same in each run. */
function* numbers(seed: number): Generator<number, never> {
  for (let x = seed; ;) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    yield x >>> 8;
  }
}

test.each([1, 2, 3, 4, 5, 6])('any changes in any order (%i)', { timeout: 60_000 }, async (seed) => {
  const client = new Client();
  await client.do({ op: 'memfd', memfd: memfd({ holes: [{ first: 1, count: 1 }] }) });
  const random = numbers(seed);
  const below = (end: number) => random.next().value % end;
  for (let step = 0; step < 25; step++) {
    const [first, count] = [below(6), 1 + below(4)];
    const action: FileAction[] = [
      { op: 'write', file: 'f', seed: below(1000), first, count },
      { op: 'truncate', file: 'f', size: below(30_000) },
      { op: 'fallocate', file: 'f', first, count, how: 'punch-hole' },
      { op: 'fallocate', file: 'f', first, count, how: 'allocate' },
      { op: 'fallocate', file: 'f', first, count, how: 'keep-size' },
      { op: 'write', file: 'f', seed: below(1000), first: 0, count: 1 + below(2) },
    ];
    expect(await client.do(action[below(action.length)] as FileAction)).toMatchObject({ ok: true });
    await client.isAsExpected('f');
  }
  client.agent.end();
});

test('a write that is refused half way is taken as far as it went', async () => {
  const client = new Client();
  await client.do({ op: 'memfd', memfd: memfd({ seals: ['grow'] }) });
  expect(await client.do({ op: 'write', file: 'f', seed: 3, first: 1, count: 4 })).toMatchObject({
    ok: false,
    errno: 'EPERM',
    done: 1,
  });
  await client.isAsExpected('f');
  expect(client.file('f').spec.written).toEqual([{ first: 1, count: 1, seed: 3, size: 10_000 }]);
  client.agent.end();
});

test('what the kernel says of a file is what the lab expects, for all that may be done to it', async () => {
  const says = async (client: Client, name: string) => {
    const { size, pos, seals, mode, access } = await client.agent.ask(`99 stat file=${name}`);
    const want = expectedOf(client.file(name));
    expect([size, pos, (seals as string[]).toSorted()]).toEqual([want?.size, want?.position, want?.seals]);
    return [mode, access];
  };
  for (const [spec, mode] of [
    [memfd({ seals: [] }), 0o777],
    [memfd({ seals: ['exec'] }), 0o777],
    [memfd({ flags: ['noexec'], seals: [] }), 0o666],
    [memfd({ flags: ['noexec'], seals: ['grow', 'exec'] }), 0o666],
    [memfd({ flags: ['exec'], seals: ['shrink'], position: 5 }), 0o777],
  ] as const) {
    const client = new Client();
    expect(await client.do({ op: 'memfd', memfd: spec })).toMatchObject({ ok: true });
    expect(await says(client, 'f')).toEqual([mode, 'rw']);
    client.agent.end();
  }
  const client = new Client();
  await client.do({ op: 'memfd', memfd: memfd({ seals: ['shrink'] }) });
  await client.do({ op: 'reopen', file: 'f', as: 'g', access: 'r' });
  await client.do({ op: 'seek', file: 'f', position: 77 });
  await client.do({ op: 'seek', file: 'g', position: 78 });
  expect(await says(client, 'f')).toEqual([0o777, 'rw']);
  expect(await says(client, 'g')).toEqual([0o777, 'r']);
  expect(expectedOf(client.file('g'))).toMatchObject({ access: 'r', position: 78 });
  expect(await client.do({ op: 'write', file: 'g', seed: 1, first: 0, count: 1 })).toMatchObject({
    ok: false,
    errno: 'EBADF',
    done: 0,
  });
  // What one descriptor changes, the other shows.
  expect(await client.do({ op: 'write', file: 'f', seed: 1, first: 0, count: 1 })).toMatchObject({ ok: true });
  await client.isAsExpected('g');
  expect(await client.do({ op: 'seal', file: 'f', seals: ['exec'] })).toMatchObject({ ok: true });
  await says(client, 'f');
  await says(client, 'g');
  expect(client.file('g').reported?.seals).toEqual(['exec', 'future_write', 'grow', 'shrink', 'write']);
  client.agent.end();
});

test('what makes no sense is no request', async () => {
  const client = new Client();
  await client.do({ op: 'memfd', memfd: memfd() });
  const ask = (line: string) => client.agent.ask(`9 ${line}`);
  for (const line of [
    'reopen file=f as=g access=w',
    'fallocate file=f offset=0 length=1 how=no',
    'seal file=f seals=no',
    'seek file=f pos=-1',
    'write file=f seed=1 first=0',
    'verify file=f size=10000 seed=1 written=0+1+1',
    'verify file=f size=10000 seed=1 written=0+4+1+16384',
    'verify file=f size=10000 seed=1 written=2+1+1+8192',
    'verify file=f size=10000 seed=1 written=0+0+1+1',
    `verify file=f size=10000 seed=1 written=${Array.from({ length: 65 }, () => '0+1+1+9').join(',')}`,
  ]) {
    expect(await ask(line), line).toMatchObject({ ok: false, errno: 'BADREQ' });
  }
  for (const op of [
    'write seed=1 first=0 count=1',
    'truncate size=1',
    'fallocate offset=0 length=1',
    'seal seals=grow',
    'reopen as=x access=r',
    'seek pos=1',
  ]) {
    expect(await ask(`${op} file=none`)).toMatchObject({ ok: false, errno: 'NOHANDLE' });
  }
  expect(await ask('get-name session=none')).toMatchObject({ ok: false, errno: 'NOHANDLE' });
  client.agent.end();
});
