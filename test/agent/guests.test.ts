// SPDX-License-Identifier: Apache-2.0
// What the agent says of guests where none can run, and the check of a guest's memory. Guests that run: test/real.
import { closeSync, openSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Reply } from './agent-process.js';
import { agent, failed, useFreshAgent } from './fresh-agent.js';
import { GuestImage, type ImageOptions } from './guest-image.js';

useFreshAgent();

const PAGE = 4096;

/** Puts these bytes into a file that the agent holds. */
async function put(file: string, bytes: Buffer): Promise<void> {
  expect(await agent.ask(`1 memfd file=${file} size=${bytes.length} seed=1`)).toMatchObject({ ok: true });
  const fd = openSync(agent.pathOf(file), 'r+');
  writeSync(fd, bytes, 0, bytes.length, 0);
  closeSync(fd);
}

async function check(
  options: Partial<ImageOptions>,
  damage: (image: GuestImage) => void = () => undefined,
): Promise<Reply> {
  const image = new GuestImage({ pages: 64, vcpus: 1, seed: 5, beyond: 0, working: null, ...options });
  damage(image);
  await put('ram', image.bytes);
  return agent.ask('2 guest-check file=ram');
}

const sound = { ok: true, pages: 64, constant: true, bad: 0, firstBad: null, ranges: [] };

describe('guest-check', () => {
  const wholes: [string, Partial<ImageOptions>][] = [
    ['as it was created', {}],
    ['within the second round', { beyond: 20 }],
    ['after several rounds', { beyond: 131 }],
    ['of two vCPUs', { vcpus: 2, beyond: 33 }],
    ['of eight', { vcpus: 8, beyond: 3, seed: 4294967295 }],
    ['stopped before the first word', { working: 0 }],
    ['stopped within a page', { beyond: 77, working: 500 }],
    ['stopped behind the last word', { vcpus: 2, beyond: 1, working: 1024 }],
  ];
  it.each(wholes)('memory %s is sound', async (_, options) => {
    const reply = await check(options);
    expect(reply).toMatchObject(sound);
    expect((reply['chain'] as { brokenAt: unknown }[]).map(({ brokenAt }) => brokenAt)).toEqual(
      Array.from({ length: options.vcpus ?? 1 }, () => null),
    );
  });

  const at = (page: number) => page * PAGE;
  it.each([
    ['a lost page', 40, (i: GuestImage) => i.bytes.fill(0, at(40), at(41))],
    ['a foreign page', 30, (i: GuestImage) => i.bytes.copy(i.bytes, at(30), at(31), at(32))],
    [
      'a page of another guest',
      20,
      (i: GuestImage) => new GuestImage({ ...i.options, seed: 6 }).bytes.copy(i.bytes, at(20), at(20), at(21)),
    ],
    [
      'a stale page',
      22,
      (i: GuestImage) => new GuestImage({ ...i.options, beyond: 0 }).bytes.copy(i.bytes, at(22), at(22), at(23)),
    ],
    ['one bit', 63, (i: GuestImage) => i.bytes.writeUInt8(i.bytes.readUInt8(at(63) + 4095) ^ 0x10, at(63) + 4095)],
    ['one bit in a head', 33, (i: GuestImage) => i.bytes.writeUInt8(i.bytes.readUInt8(at(33) + 16) ^ 1, at(33) + 16)],
  ])('%s is found, and which it is', async (_, page, damage) => {
    expect(await check({ beyond: 20 }, damage)).toMatchObject({
      ok: true,
      bad: 1,
      firstBad: page,
      ranges: [[page, 1]],
    });
  });

  it('a word of the page in work that is neither the old nor the new one', async () => {
    // 20 links beyond 49: the one in work is on the share's page 20.
    expect(
      await check({ beyond: 20, working: 500 }, (i) =>
        i.bytes.writeUInt8(i.bytes.readUInt8(at(35) + 4 * 499) ^ 1, at(35) + 4 * 499),
      ),
    ).toMatchObject({ bad: 1, firstBad: 35 });
    await agent.ask('3 close file=ram');
    expect(
      await check({ beyond: 20, working: 500 }, (i) =>
        i.bytes.writeUInt8(i.bytes.readUInt8(at(35) + 4 * 500) ^ 1, at(35) + 4 * 500),
      ),
    ).toMatchObject({ bad: 1, firstBad: 35 });
  });

  it('a page that was wrong when the guest wrote over it breaks the chain there', async () => {
    // As if another page had been there: its head follows from something else, and the page is sound in itself.
    const reply = await check({ beyond: 70 }, (i) =>
      i.bytes.writeUInt8(i.bytes.readUInt8(at(50) + 24) ^ 1, at(50) + 24),
    );
    expect(reply).toMatchObject({ ok: true, bad: 0, chain: [{ brokenAt: 50 }] });
  });

  it('a damaged program, a control page of another moment', async () => {
    expect(await check({}, (i) => i.bytes.writeUInt8(1, at(2) + 7))).toMatchObject({ ...sound, constant: false });
    await agent.ask('3 close file=ram');
    expect(await check({ beyond: 9 }, (i) => i.bytes.writeUInt8(i.bytes.readUInt8(0x118) ^ 1, 0x118))).toMatchObject({
      ...sound,
      chain: [{ brokenAt: 0 }],
    });
  });

  it('what is no guest, and a control page that lies', async () => {
    await put('x', Buffer.alloc(PAGE * 4));
    expect(await agent.ask('2 guest-check file=x')).toEqual(failed('EBADMSG', /no control page/));
    expect(await agent.ask('3 guest-check file=y')).toEqual(failed('NOHANDLE'));
    expect(await check({}, (i) => i.bytes.writeUInt32LE(4_000_000_000, 0x104))).toEqual(
      failed('EBADMSG', /damaged: vCPU 0/),
    );
    await agent.ask('4 close file=ram');
    expect(await check({}, (i) => i.bytes.writeBigUInt64LE(2n ** 64n - 1n, 0x110))).toEqual(
      failed('EBADMSG', /damaged: vCPU 0/),
    );
    await agent.ask('4 close file=ram');
    expect(await check({}, (i) => i.bytes.writeUInt32LE(9, 0x0c))).toEqual(failed('EBADMSG'));
  });
});

describe('guests that are not there', () => {
  it.each([
    'guest-run',
    'guest-pause',
    'guest-save',
    'guest-resume',
    'guest-stat',
    'guest-wait ms=1 ticks=1',
    'guest-attach device=edu0',
    'guest-close',
  ])('%s', async (op) => {
    const [name = '', ...keys] = op.split(' ');
    expect(await agent.ask(`1 ${[name, 'guest=vm0', ...keys].join(' ')}`)).toEqual(failed('NOHANDLE', /guest vm0/));
  });
});

describe('guest-create refuses', () => {
  it.each([
    ['kind=other size=4194304', /bare or linux/],
    ['kind=bare size=4095', /whole pages/],
    ['kind=bare size=4096', /at least 1048576/],
    ['kind=bare size=4194304 vcpus=9', /vcpus/],
    ['kind=bare size=4194304 vcpus=0', /1 to 8/],
    ['kind=bare size=4194304 features=avx', /only feature is debugregs/],
    ['kind=bare size=4194304 cmdline=quiet', /for a Linux guest/],
    ['kind=linux size=67108864 seed=1', /for a bare guest/],
    ['kind=bare size=8796093022208', /size/],
    ['kind=linux size=67108864 devices=edu0', /is bare/],
    ['kind=bare size=536870912 devices=edu0', /at most 268435456 bytes/],
    ['kind=bare size=4194304 devices=a,b,c,d,e', /at most 4 devices/],
    ['kind=bare size=4194304 devices=a,,b', /at most 4 devices/],
    ['kind=bare size=4194304 devices=a,b,a', /a is named twice/],
  ])('%s', async (keys, at) => {
    expect(await agent.ask(`1 guest-create guest=vm0 file=ram state=state ${keys}`)).toEqual(failed('BADREQ', at));
    expect(await agent.ask('2 stat file=ram')).toEqual(failed('NOHANDLE'));
  });

  it('names that are taken', async () => {
    await put('ram', Buffer.alloc(PAGE));
    expect(await agent.ask('2 guest-create guest=vm0 kind=bare size=4194304 file=ram state=state')).toEqual(
      failed('BADREQ', /two new names/),
    );
    expect(await agent.ask('3 guest-create guest=vm0 kind=bare size=4194304 file=a state=a')).toEqual(
      failed('BADREQ', /two new names/),
    );
  });
});

describe('guest-restore', () => {
  const header = (version: number, length: bigint) => {
    const bytes = Buffer.alloc(2 * PAGE);
    bytes.write('LABSTATE', 0);
    bytes.writeUInt32LE(version, 8);
    bytes.writeBigUInt64LE(length, 0x18);
    return bytes;
  };

  it.each([
    ['a file that nothing was saved to', Buffer.alloc(2 * PAGE), 'ENODATA', /no state was ever saved/],
    ['something else', Buffer.alloc(2 * PAGE, 'x'), 'EBADMSG', /not a state/],
    ['a newer version', header(4, 40n), 'EOPNOTSUPP', /has version 4, at most 3/],
    ['a length beyond the file', header(2, 1n << 40n), 'EBADMSG', /says that it has/],
    ['a wrong checksum', header(2, 48n), 'EBADMSG', /checksum/],
    ['a file that is too small', Buffer.alloc(16), 'EBADMSG', /16 bytes/],
  ])('from %s', async (_, state, errno, at) => {
    await put('ram', Buffer.alloc(PAGE));
    await put('state', state);
    expect(await agent.ask('3 guest-restore guest=vm0 file=ram state=state')).toEqual(failed(errno, at));
    expect(await agent.ask('4 guest-stat guest=vm0')).toEqual(failed('NOHANDLE'));
  });

  it('an older agent, an unknown part, files that are not there', async () => {
    await put('ram', Buffer.alloc(PAGE));
    await put('state', header(2, 48n));
    expect(await agent.ask('3 guest-restore guest=vm0 file=ram state=state reads=1')).toEqual(
      failed('EOPNOTSUPP', /has version 2, at most 1/),
    );
    expect(await agent.ask('4 guest-restore guest=vm0 file=ram state=state skip=tsc,avx')).toEqual(
      failed('BADREQ', /no avx to skip/),
    );
    expect(await agent.ask('5 guest-restore guest=vm0 file=ram state=other')).toEqual(failed('NOHANDLE', /file other/));
  });
});
