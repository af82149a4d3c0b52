// SPDX-License-Identifier: Apache-2.0
import { openSync, readFileSync, readSync, statSync, writeFileSync, closeSync, writeSync, existsSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Pattern } from '../../src/oracles/files/pattern.js';
import { type Reply } from './agent-process.js';
import { agent, built, failed, useFreshAgent } from './fresh-agent.js';

useFreshAgent();

const PAGE = 4096;
const root = process.getuid?.() === 0;
const ok = (extra: object = {}) => expect.objectContaining({ ok: true, ...extra }) as Reply;

/** The agent's pages of a file, as the lab's own pattern sees them. */
function pagesThatDiffer(
  file: string,
  content: { size: number; seed: number; holes: { first: number; count: number }[] },
): number[] {
  const bytes = readFileSync(agent.pathOf(file));
  const padded = Buffer.alloc(Math.ceil(bytes.length / PAGE) * PAGE);
  bytes.copy(padded);
  const words = new Uint32Array(padded.buffer, padded.byteOffset, padded.length / 4);
  const pattern = new Pattern(content);
  expect(bytes.length).toBe(content.size);
  return Array.from({ length: pattern.pages }, (_, page) => page).filter(
    (page) => pattern.compare(page, words, (page * PAGE) / 4) !== -1,
  );
}

function poke(file: string, at: number, bytes: Buffer): void {
  const fd = openSync(agent.pathOf(file), 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

describe('hello', () => {
  it('says who and where it is', async () => {
    const reply = await agent.ask('1 hello');
    expect(reply).toMatchObject({
      id: 1,
      ok: true,
      protocol: 1,
      pageSize: PAGE,
      pid: agent.pid,
      device: existsSync('/dev/liveupdate'),
    });
    expect(reply['bootId']).toMatch(/^[0-9a-f-]{36}$/);
    expect(reply['uptime']).toBeGreaterThan(0);
    expect(reply['us']).toBeGreaterThanOrEqual(0);
  });

  it('reports zones as /proc has them', async () => {
    const managed = [...readFileSync('/proc/zoneinfo', 'utf8').matchAll(/managed +(\d+)/g)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    );
    const counters = [
      'free',
      'freeOnCpus',
      'memFreeKb',
      'memAvailableKb',
      'anonKb',
      'slabKb',
      'slabUnreclaimableKb',
      'kernelStackKb',
      'pageTablesKb',
      'vmallocKb',
    ];
    const counted = Object.fromEntries(counters.map((name) => [name, expect.any(Number) as number]));
    expect(await agent.ask('2 zones')).toEqual(ok({ managed, ...counted }));
  });
});

describe('memfd', () => {
  it.each([
    ['nothing', 0, []],
    ['one byte', 1, []],
    ['whole pages', 10 * PAGE, []],
    ['an end within a page and a word', 3 * PAGE + 4001, []],
    [
      'holes',
      200 * PAGE + 5,
      [
        { first: 0, count: 1 },
        { first: 7, count: 3 },
        { first: 199, count: 2 },
      ],
    ],
    ['a hole alone', 5 * PAGE, [{ first: 0, count: 5 }]],
  ])('fills %s as the lab expects it', async (_, size, holes) => {
    const keys =
      `size=${size} seed=4294967295` +
      (holes.length ? ` holes=${holes.map(({ first, count }) => `${first}+${count}`).join(',')}` : '');
    expect(await agent.ask(`1 memfd file=a ${keys}`)).toEqual(ok());
    expect(pagesThatDiffer('a', { size, seed: 4294967295, holes })).toEqual([]);
    expect(await agent.ask(`2 verify file=a ${keys}`)).toEqual(
      ok({ pages: Math.ceil(size / PAGE), bad: 0, firstBad: null, ranges: [] }),
    );
    const filled = Math.ceil(size / PAGE) - holes.reduce((sum, { count }) => sum + count, 0);
    expect(await agent.ask('3 stat file=a')).toEqual(ok({ size, pos: 0, seals: ['seal'], blocks: filled * 8 }));
  });

  it('sets position and seals, and both can be read back', async () => {
    expect(
      await agent.ask(
        `1 memfd file=a size=${2 * PAGE} seed=1 holes=1+1 pos=12345 seals=write,future_write,shrink,grow,seal`,
      ),
    ).toEqual(ok());
    const stat = ok({ pos: 12345, seals: ['seal', 'shrink', 'grow', 'write', 'future_write'], data: [[0, 1]] });
    expect(await agent.ask('2 stat file=a')).toEqual(stat);
    expect(await agent.ask(`3 verify file=a size=${2 * PAGE} seed=1 holes=1+1`)).toEqual(ok({ bad: 0 }));
    expect(await agent.ask('4 stat file=a')).toEqual(stat);
  });

  it.each([
    'size=-1',
    'size=1e3',
    'size=0x10',
    'size=',
    'size=99999999999999999999',
    'size=18446744073709551615',
    'size=4096 seed=4294967296',
    'size=4096 holes=0',
    'size=4096 holes=0+0',
    'size=4096 holes=1+1',
    'size=4096 holes=0+2',
    'size=40960 holes=0+2,1+1',
    'size=40960 holes=1+1,',
    'size=40960 holes=18446744073709551615+2',
    'size=4096 seals=none',
    'size=4096 seals=grow,',
    'size=4096 huge=2',
    'size=4096 pos=9223372036854775808',
  ])('refuses %s', async (keys) => {
    expect(await agent.ask(`1 memfd file=a ${keys}${keys.includes('seed=') ? '' : ' seed=1'}`)).toEqual(
      failed('BADREQ'),
    );
    expect(await agent.ask('2 stat file=a')).toEqual(failed('NOHANDLE'));
  });

  it('does not try to fill more than there is', async () => {
    expect(await agent.ask('1 memfd file=a size=8796093022208 seed=1')).toEqual(failed('ENOMEM', /available/));
    expect(await agent.ask('2 stat file=a')).toEqual(failed('NOHANDLE'));
  });

  it('takes a huge file that is all hole', async () => {
    expect(await agent.ask('1 memfd file=a size=1099511627776 seed=1 holes=0+268435456')).toEqual(ok());
    expect(await agent.ask('2 stat file=a')).toEqual(ok({ size: 1099511627776, blocks: 0, data: [] }));
    expect(await agent.ask('3 verify file=a size=1099511627776 seed=1 holes=0+268435456')).toEqual(
      ok({ pages: 268435456, bad: 0 }),
    );
  });

  it('makes no allocation fail where the kernel cannot, and changes nothing', async () => {
    expect(await agent.ask('1 memfd file=a size=1 seed=1 fail=0')).toEqual(failed('BADREQ', /counts from 1/));
    expect(await agent.ask('2 memfd file=a size=1 seed=1 retry=1')).toEqual(ok());
    const reply = await agent.ask('3 memfd file=b size=1 seed=1 fail=1000');
    // A host whose kernel has fault injection makes fewer allocations than that.
    expect([reply.ok, reply.errno]).toEqual(
      reply.ok ? [true, undefined] : [false, expect.stringMatching('EOPNOTSUPP')],
    );
    if (!reply.ok) expect(await agent.ask('4 memfd file=b size=1 seed=1')).toEqual(ok());
  });

  it('refuses a name in use, and frees it on close', async () => {
    expect(await agent.ask('1 memfd file=a size=1 seed=1')).toEqual(ok());
    expect(await agent.ask('2 memfd file=a size=1 seed=1')).toEqual(failed('BADREQ', /already/));
    expect(await agent.ask('3 close file=a')).toEqual(ok());
    expect(await agent.ask('4 memfd file=a size=1 seed=1')).toEqual(ok());
  });

  it('fills with huge pages asked for, leaving holes holes', async () => {
    const reply = await agent.ask(`1 memfd file=a size=${5 * 1024 * PAGE + 77} seed=3 holes=600+100 huge=1`);
    expect(reply).toEqual(ok());
    expect(await agent.ask(`2 verify file=a size=${5 * 1024 * PAGE + 77} seed=3 holes=600+100`)).toEqual(
      ok({ bad: 0 }),
    );
    expect(await agent.ask('3 stat file=a')).toEqual(
      ok({
        data: [
          [0, 600],
          [700, 5 * 1024 + 1 - 700],
        ],
      }),
    );
  });
});

describe('verify', () => {
  const size = 100 * PAGE;
  beforeEach(async () => {
    expect(await agent.ask(`1 memfd file=a size=${size} seed=9 holes=50+10`)).toEqual(ok());
  });
  const verify = (keys = `size=${size} seed=9 holes=50+10`) => agent.ask(`2 verify file=a ${keys}`);

  it('finds one wrong bit, and says where', async () => {
    const right = new Uint32Array(readFileSync(agent.pathOf('a')).buffer.slice(0, size))[(31 * PAGE + 2048) / 4] ?? 0;
    poke('a', 31 * PAGE + 2049, Buffer.from([((right >>> 8) & 0xff) ^ 0x10]));
    expect(await verify()).toEqual(
      ok({ bad: 1, firstBad: { page: 31, offset: 2048, want: right, got: (right ^ 0x1000) >>> 0 }, ranges: [[31, 1]] }),
    );
  });

  it('sees content in a hole, and fills none by looking', async () => {
    expect(await verify()).toEqual(ok({ bad: 0 }));
    expect(await agent.ask('3 stat file=a')).toEqual(
      ok({
        data: [
          [0, 50],
          [60, 40],
        ],
      }),
    );
    poke('a', 55 * PAGE + 4095, Buffer.from([1]));
    expect(await verify()).toEqual(ok({ bad: 1, firstBad: { page: 55, offset: 4092, want: 0, got: 0x01000000 } }));
  });

  it('merges ranges and gives the first 64', async () => {
    for (let page = 0; page < 100; page += 1)
      if (page % 3 === 0 && (page < 50 || page >= 60)) poke('a', page * PAGE, Buffer.alloc(PAGE));
    poke('a', PAGE, Buffer.alloc(PAGE));
    const reply = await verify();
    expect(reply['bad']).toBe(32);
    expect(reply['ranges']).toEqual([
      [0, 2],
      ...Array.from({ length: 16 }, (_, i) => [3 * i + 3, 1]),
      ...Array.from({ length: 14 }, (_, i) => [60 + 3 * i, 1]),
    ]);
    expect((await verify(`size=${size} seed=10`))['bad']).toBe(100);
  });

  it('counts what is missing at the end as zeros', async () => {
    expect(await verify(`size=${size + 5 * PAGE} seed=9 holes=50+10`)).toEqual(
      ok({ pages: 105, bad: 5, ranges: [[100, 5]] }),
    );
  });

  it('looks at the rest of a last page that is not full', async () => {
    expect(await agent.ask('3 memfd file=b size=4100 seed=2')).toEqual(ok());
    poke('b', 4100, Buffer.from('x'));
    expect(await agent.ask('4 verify file=b size=4100 seed=2')).toEqual(
      ok({ bad: 1, firstBad: expect.objectContaining({ page: 1, offset: 4, want: 0, got: 0x78 }) as object }),
    );
  });

  it('tells files, pages and seeds apart', async () => {
    expect(await agent.ask(`3 memfd file=b size=${size} seed=8 holes=50+10`)).toEqual(ok());
    expect(await agent.ask(`4 verify file=b size=${size} seed=9 holes=50+10`)).toEqual(ok({ bad: 90 }));
    const page = Buffer.alloc(PAGE);
    const fd = openSync(agent.pathOf('a'), 'r');
    readSync(fd, page, 0, PAGE, 3 * PAGE);
    closeSync(fd);
    poke('a', 4 * PAGE, page);
    expect(await verify()).toEqual(ok({ bad: 1, ranges: [[4, 1]] }));
  });
});

describe.runIf(root)('pfns', () => {
  it('names a frame for every page that is there, and for no other', async () => {
    expect(await agent.ask(`1 memfd file=a size=${3000 * PAGE} seed=9 holes=50+10,2999+1 pos=77`)).toEqual(ok());
    const reply = await agent.ask('2 pfns file=a');
    const runs = reply['runs'] as [number, number, number][];
    const pages = runs.flatMap(([first, , count]) => Array.from({ length: count }, (_, i) => first + i));
    expect(pages).toEqual([
      ...Array.from({ length: 50 }, (_, i) => i),
      ...Array.from({ length: 2939 }, (_, i) => 60 + i),
    ]);
    expect(new Set(runs.flatMap(([, pfn, count]) => Array.from({ length: count }, (_, i) => pfn + i))).size).toBe(
      pages.length,
    );
    for (const [i, [first, pfn, count]] of runs.entries()) {
      const next = runs[i + 1];
      expect(next !== undefined && next[0] === first + count && next[1] === pfn + count).toBe(false);
    }
    expect(await agent.ask('3 stat file=a')).toEqual(
      ok({
        pos: 77,
        data: [
          [0, 50],
          [60, 2939],
        ],
      }),
    );
  });
});

describe('names', () => {
  it('holds 2,500 files, and answers them in order', async () => {
    const count = 2500;
    agent.write(
      Array.from({ length: count }, (_, i) => `${i + 1} memfd file=vm-${i}%20ram size=100 seed=${i}\n`).join(''),
    );
    const made = await agent.read(count);
    expect(made.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    expect(made.every((reply) => reply.ok)).toBe(true);
    agent.write(
      Array.from({ length: count }, (_, i) => `${i + 1} verify file=vm-${i}%20ram size=100 seed=${i}\n`).join(''),
    );
    expect((await agent.read(count)).every((reply) => reply['bad'] === 0)).toBe(true);
    agent.write(Array.from({ length: count }, (_, i) => `${i + 1} close file=vm-${i}%20ram\n`).join(''));
    expect((await agent.read(count)).every((reply) => reply.ok)).toBe(true);
    expect(await agent.ask('1 stat file=vm-0%20ram')).toEqual(failed('NOHANDLE', /file vm-0 ram/));
  });

  it('says which one it never had', async () => {
    expect(await agent.ask('1 finish session=a')).toEqual(failed('NOHANDLE', /session a/));
    expect(await agent.ask('2 preserve session=a file=b token=1')).toEqual(failed('NOHANDLE', /session a/));
    expect(await agent.ask('3 close file=a')).toEqual(failed('NOHANDLE'));
    expect(await agent.ask('4 close')).toEqual(failed('NOHANDLE'));
    expect(await agent.ask('5 close file=a session=b')).toEqual(failed('BADREQ'));
  });
});

describe('kernel calls that this host does not have', () => {
  it.skipIf(existsSync('/dev/liveupdate'))('gives the errno by name and the call', async () => {
    expect(await agent.ask('1 open')).toEqual(failed('ENOENT', /^open \/dev\/liveupdate$/));
    expect(await agent.ask('2 create session=a')).toEqual(failed('ENOENT'));
    expect(await agent.ask(`3 create session=${'x'.repeat(65)}`)).toEqual(failed('BADREQ', /at most 64/));
  });

  it('finds no disk, no image, no kernel', async () => {
    expect(await agent.ask('1 load kernel=nodisk kernelSize=4096 cmdline=x')).toEqual(failed('ENODEV', /nodisk/));
    expect(await agent.ask('2 load kernel=nodisk cmdline=x')).toEqual(failed('BADREQ', /kernelSize/));
    expect(await agent.ask('3 load kernel=/nowhere/at-all cmdline=x')).toEqual(failed('ENOENT', /open/));
    expect(await agent.ask('4 load kernel=/dev/null cmdline=x via=magic')).toEqual(failed('BADREQ', /via/));
    writeFileSync(`${built.program}.empty`, '');
    expect(await agent.ask(`5 load kernel=${built.program}.empty cmdline=x via=legacy`)).toEqual(failed('ENOEXEC'));
    expect(await agent.ask(`6 load kernel=${built.program} cmdline=x via=legacy`)).toEqual(
      failed('ENOEXEC', /not a bzImage/),
    );
    writeFileSync(
      `${built.program}.cut`,
      Buffer.concat([Buffer.alloc(0x202), Buffer.from('HdrS'), Buffer.alloc(0x1000)]),
    );
    expect(await agent.ask(`7 load kernel=${built.program}.cut cmdline=x via=legacy`)).toEqual(
      failed('ENOEXEC', /64-bit/),
    );
  });
});

describe('starting SSH, and renewing', () => {
  const time = '1790000000.000000001';
  const seed = 'aB'.repeat(16);
  it.each([
    ['ssh key=', /base64/],
    ['ssh key=AAAA%20', /base64/],
    ['ssh key=AA%0A', /base64/],
    [`ssh key=${'A'.repeat(501)}`, /at most 500/],
    [`renew time=1790000000 seed=${seed}`, /time/],
    [`renew time=1790000000.1 seed=${seed}`, /time/],
    [`renew time=-1.000000001 seed=${seed}`, /time/],
    [`renew time=9${time} seed=${seed}`, /time/],
    [`renew time=${time} seed=${seed}0`, /seed/],
    [`renew time=${time} seed=${seed.slice(2)}`, /seed/],
    [`renew time=${time} seed=${seed}${'00'.repeat(49)}`, /seed/],
    [`renew time=${time} seed=${seed}xy`, /seed/],
    [`renew time=${time}`, /needs seed/],
  ])('refuses %s', async (request, why) => {
    expect(await agent.ask(`1 ${request}`)).toEqual(failed('BADREQ', why));
  });

  it('cannot set the clock of the host of this test', async () => {
    const rights = readFileSync(`/proc/${agent.pid}/status`, 'utf8');
    const effective = BigInt(`0x${/^CapEff:\t([0-9a-f]+)$/m.exec(rights)?.[1] ?? ''}`);
    const CAP_SYS_TIME = 25n;
    expect((effective >> CAP_SYS_TIME) & 1n).toBe(0n);
  });

  it('says so if the program is missing that starts SSH', async () => {
    expect(await agent.ask(`1 ssh key=${'A'.repeat(500)}`)).toEqual(failed('ENOENT', /lab-ssh/));
  });
});

describe('another system as user space', () => {
  it("signals no process 1 but that of the lab's init", async () => {
    expect(await agent.ask('1 userspace ms=1')).toEqual(failed('ENOENT', /init/));
    expect(await agent.ask('2 userspace')).toEqual(failed('BADREQ', /ms/));
  });
});

describe('going', () => {
  it('announces a kexec, and calls it off when anything but go follows', async () => {
    agent.write('1 kexec\n');
    expect(await agent.read(1)).toEqual([ok({ id: 1, going: true })]);
    agent.write('2 hello\n');
    expect(await agent.read(2)).toEqual([
      { id: 1, ok: false, errno: 'NOGO', at: expect.any(String) as string, us: 0 },
      ok({ id: 2 }),
    ]);
    expect(await agent.ask('1 go')).toEqual(failed('BADREQ'));
  });

  it.each(['4 go', 'rubbish', 'x'.repeat(70_000), '3 kexec now=1'])('is not fooled by %.20s', async (line) => {
    agent.write(`3 kexec\n${line}\n3 go\n`);
    const replies = await agent.read(4);
    expect(replies[0]).toEqual(ok({ id: 3, going: true }));
    expect(replies[1]).toEqual(expect.objectContaining({ id: 3, errno: 'NOGO' }));
    expect(replies[2]?.errno).toBe('BADREQ');
    expect(replies[3]).toEqual(failed('BADREQ', /go without/));
  });

  it('does not go when its lab is gone', async () => {
    agent.write('3 kexec\n');
    agent.end();
    expect(await agent.read(2)).toEqual([ok({ going: true })]);
    expect(await agent.exit).toEqual({ code: 0, signal: null });
  });

  it('dies when told to, after what it had to say', async () => {
    agent.write('1 hello\n2 die\n3 hello\n');
    expect(await agent.exit).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await agent.read(3)).toEqual([ok({ id: 1 })]);
  });
});

describe('requests that cannot be read', () => {
  it.each([
    ['', 0],
    ['   ', 0],
    ['hello', 0],
    ['x hello', 0],
    ['-1 hello', 0],
    ['1.0 hello', 0],
    ['9007199254740992 hello', 0],
    ['18446744073709551617 hello', 0],
    ['1', 1],
    ['1 nothing', 1],
    ['1 hello a=b', 1],
    ['1 stat', 1],
    ['1 stat file', 1],
    ['1 stat =a', 1],
    ['1 stat file=a file=b', 1],
    ['1 stat file=%', 1],
    ['1 stat file=%4', 1],
    ['1 stat file=%zz', 1],
    ['1 stat file=%00', 1],
    ['1 stat file=a\0b', 0],
    ['1 stat FILE=a', 1],
    ['1 stat fil=a', 1],
    [`1 hello ${Array.from({ length: 30 }, (_, i) => `k${i}=1`).join(' ')}`, 1],
  ])('answers BADREQ to %j', async (line, id) => {
    expect(await agent.ask(line)).toEqual(expect.objectContaining({ id, ok: false, errno: 'BADREQ' }));
    expect(await agent.ask('7 hello')).toEqual(ok({ id: 7 }));
  });

  it('reads percent-coding, any case, and gives any byte back as JSON', async () => {
    expect(await agent.ask('1 stat file=%41%c3%A9%22%5c%0a%7f')).toEqual(
      failed('NOHANDLE', /^file A\u00c3\u00a9"\\\n\u007f$/),
    );
  });

  it('takes lines up to 64 KiB, in pieces of any size, and skips longer ones', async () => {
    const line = (length: number) => `5 stat file=${'x'.repeat(length - 12)}`;
    expect(await agent.ask(line(65_535))).toEqual(failed('NOHANDLE'));
    for (const length of [65_536, 65_537, 131_071, 131_072, 131_073, 1_000_000]) {
      agent.write(`${line(length)}\n6 hello\n`);
      expect(await agent.read(2)).toEqual([expect.objectContaining({ id: 0, errno: 'BADREQ' }), ok({ id: 6 })]);
    }
    const all = Buffer.from(`1 hello\r\n${line(30_000)}\n${line(100_000)}\n8 hello\n`);
    for (let at = 0; at < all.length; at += 997) {
      agent.write(all.subarray(at, at + 997));
      if (at % 30 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await agent.read(4)).map(({ id, errno }) => [id, errno])).toEqual([
      [1, undefined],
      [5, 'NOHANDLE'],
      [0, 'BADREQ'],
      [8, undefined],
    ]);
  });

  it('gives one reply to every line of noise, and lives', async () => {
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    const words = [
      '1',
      '2',
      'hello',
      'memfd',
      'stat',
      'verify',
      'close',
      'finish',
      'preserve',
      'retrieve',
      'file=a',
      'file=%61',
      'size=4097',
      'seed=1',
      'holes=0+1',
      'token=1',
      'session=s',
      '=',
      '%',
      'seals=write',
      '\0',
      '\xff',
      'pos=1',
      'huge=1',
      'load',
      'cmdline=',
      'kernel=/',
    ];
    for (let round = 0; round < 20; round++) {
      const lines = Array.from({ length: 200 }, () =>
        random(4) === 0
          ? Buffer.from(Array.from({ length: random(300) }, () => random(256)).filter((byte) => byte !== 10))
          : Buffer.from(
              Array.from({ length: 1 + random(8) }, () => words[random(words.length)]).join(random(9) ? ' ' : ''),
              'latin1',
            ),
      );
      agent.write(Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])));
      expect(await agent.read(lines.length)).toHaveLength(lines.length);
    }
    expect(await agent.ask('99 hello')).toEqual(ok({ id: 99 }));
  }, 60_000);

  it('exits when its input ends, half a line or not', async () => {
    agent.write('1 hello\n2 hel');
    agent.end();
    expect(await agent.exit).toEqual({ code: 0, signal: null });
    expect(await agent.read(2)).toEqual([ok({ id: 1 })]);
  });

  it('keeps no more than it needs while noise floods in', async () => {
    agent.write('x'.repeat(50_000_000));
    agent.write('\n1 hello\n');
    expect((await agent.read(2)).map(({ id }) => id)).toEqual([0, 1]);
    const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1]);
    expect(resident).toBeLessThan(8192);
    expect(statSync(built.program).size).toBeLessThan(2_000_000);
  });
});
