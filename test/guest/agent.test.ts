// SPDX-License-Identifier: Apache-2.0
// The lab's end of the agent protocol; the test plays the other end of the channel.
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent, encode, numberOf, readReply, tuplesOf, type AgentReply } from '../../src/guest/agent.js';
import { ClientGone, NoProgress } from '../../src/util/errors.js';

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

class FakeChannel extends EventEmitter {
  readonly sent: string[] = [];
  destroyed = false;
  write(line: string): boolean {
    this.sent.push(line);
    return true;
  }
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    queueMicrotask(() => this.emit('close'));
  }
  say(text: string | object): void {
    this.emit('data', Buffer.from(typeof text === 'string' ? text : `${JSON.stringify(text)}\n`));
  }
}

function open() {
  const channel = new FakeChannel();
  const log: string[] = [];
  const agent = new Agent(channel, (direction, line) => log.push(`${direction} ${line}`));
  return { channel, agent, log };
}

describe('values of a request', () => {
  it.each([
    ['vm0', 'vm0'],
    ['A-Z_09.,:+/=', 'A-Z_09.,:+/='],
    ['a b', 'a%20b'],
    ['100%', '100%25'],
    ['a\nb\0', 'a%0Ab%00'],
    ['"\'`$;|&', '%22%27%60%24%3B%7C%26'],
    ['ü€😀', '%C3%BC%E2%82%AC%F0%9F%98%80'],
    ['', ''],
  ])('%j becomes %s', (value, text) => {
    expect(encode(value)).toBe(text);
    expect(decodeURIComponent(text)).toBe(value);
  });
});

describe('a line of the agent', () => {
  it.each<[string, string, Partial<AgentReply> | null]>([
    [
      'good',
      '{"id":1,"ok":true,"us":12,"pages":3}',
      { id: 1, ok: true, errno: null, at: null, us: 12, data: { pages: 3 } },
    ],
    [
      'refused',
      '{"id":2,"ok":false,"errno":"EBUSY","at":"ioctl"}',
      { id: 2, ok: false, errno: 'EBUSY', at: 'ioctl', us: 0, data: {} },
    ],
    ['refused without a word', '{"id":2,"ok":false}', { errno: 'EUNKNOWN', at: null }],
    [
      'refused with other types',
      '{"id":2,"ok":false,"errno":5,"at":[],"us":"x"}',
      { errno: 'EUNKNOWN', at: null, us: 0 },
    ],
    ['good, with an errno all the same', '{"id":2,"ok":true,"errno":"EBUSY"}', { ok: true, errno: null }],
    ['a name that objects have', '{"id":1,"ok":true,"__proto__":{"x":1},"constructor":1}', { id: 1, ok: true }],
    ['nothing', '', null],
    ['no JSON', 'Segmentation fault', null],
    ['cut', '{"id":1,"ok":tr', null],
    ['null', 'null', null],
    ['a list', '[1]', null],
    ['a word', '"x"', null],
    ['no id', '{"ok":true}', null],
    ['an id in words', '{"id":"1","ok":true}', null],
    ['no ok', '{"id":1}', null],
    ['ok in words', '{"id":1,"ok":"yes"}', null],
  ])('%s', (_, line, reply) => {
    if (reply === null) expect(readReply(line)).toBeNull();
    else expect(readReply(line)).toMatchObject(reply);
  });

  const reply = (data: Record<string, unknown>): AgentReply => ({
    id: 1,
    ok: true,
    errno: null,
    at: null,
    us: 0,
    data,
  });

  it.each<[string, unknown, boolean]>([
    [
      'rows',
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      true,
    ],
    ['no rows', [], true],
    ['missing', undefined, false],
    ['null', null, false],
    ['a number', 5, false],
    ['rows of another width', [[1, 2]], false],
    ['a row that is none', [5], false],
    ['words', [['1', '2', '3']], false],
    ['negative', [[0, -1, 1]], false],
    ['a fraction', [[0, 0.5, 1]], false],
    ['too large to be exact', [[0, 2 ** 53, 1]], false],
    ['a length only', { length: 0 }, false],
  ])('a list: %s', (_, runs, good) => {
    if (good) expect(tuplesOf(reply({ runs }), 'runs', 3)).toEqual(runs);
    else expect(() => tuplesOf(reply({ runs }), 'runs', 3)).toThrow(ClientGone);
  });

  it.each<[unknown, boolean]>([
    [0, true],
    [5, true],
    [-1, false],
    [0.5, false],
    [Number.POSITIVE_INFINITY, false],
    [2 ** 53, false],
    ['5', false],
    [null, false],
    [undefined, false],
  ])('a number: %s', (value, good) => {
    if (good) expect(numberOf(reply({ value }), 'value')).toBe(value);
    else expect(() => numberOf(reply({ value }), 'value')).toThrow('no number value');
  });
});

describe('requests', () => {
  it('are sent at once and answered in any order', async () => {
    const { channel, agent, log } = open();
    const answers = Promise.all(
      ['create', 'preserve', 'finish'].map((op, i) => agent.request(op, { session: `vm ${i}`, token: i }, 1000)),
    );
    expect(channel.sent).toEqual([
      '1 create session=vm%200 token=0\n',
      '2 preserve session=vm%201 token=1\n',
      '3 finish session=vm%202 token=2\n',
    ]);
    channel.say('{"id":3,"ok":true}\n{"id":1,"ok"');
    channel.say(':false,"errno":"EEXIST"}\n');
    channel.say({ id: 2, ok: true, us: 7 });
    expect((await answers).map(({ id, errno, us }) => [id, errno, us])).toEqual([
      [1, 'EEXIST', 0],
      [2, null, 7],
      [3, null, 0],
    ]);
    expect(log).toHaveLength(6);
    expect(log[3]).toBe('in {"id":3,"ok":true}');
  });

  it('ignore second answers and answers that nobody asked for', async () => {
    const { channel, agent } = open();
    const first = agent.request('hello', {}, 1000);
    channel.say({ id: 77, ok: true });
    channel.say({ id: 1, ok: true, n: 1 });
    channel.say({ id: 1, ok: false, n: 2 });
    expect((await first).data).toEqual({ n: 1 });
  });

  it.each<[string, (channel: FakeChannel, agent: Agent) => void, string]>([
    ['the channel closes', (channel) => channel.emit('close'), 'the agent is gone'],
    ['an answer is unreadable', (channel) => channel.say('Segmentation fault\n'), 'unreadable'],
    ['the lab lets go', (_, agent) => agent.drop(), 'let go'],
  ])('end when %s', async (_, end, words) => {
    const { channel, agent } = open();
    const waiting = [agent.request('a', {}, 60_000), agent.request('b', {}, 60_000)].map((request) =>
      request.catch((error: unknown) => error),
    );
    end(channel, agent);
    for (const error of await Promise.all(waiting)) {
      expect(error).toBeInstanceOf(ClientGone);
      expect((error as Error).message).toContain(words);
    }
    await agent.gone;
    await expect(agent.request('c', {}, 1000)).rejects.toThrow(words);
    expect(channel.sent).toHaveLength(2);
  });

  it('have a deadline; a late answer is ignored', async () => {
    const { channel, agent } = open();
    await expect(agent.request('slow', {}, 10)).rejects.toThrow(NoProgress);
    channel.say({ id: 1, ok: true });
    const controller = new AbortController();
    const request = agent.request('x', {}, 60_000, controller.signal);
    controller.abort(new Error('the machine is gone'));
    await expect(request).rejects.toThrow('the machine is gone');
    channel.emit('close');
  });

  it('start their deadline when all earlier requests have been answered', async () => {
    const { channel, agent } = open();
    const seen: string[] = [];
    const first = agent.request('memfd', {}, 200).then(() => seen.push('first'));
    const second = agent.request('stat', {}, 60).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 120));
    // The second has waited for twice its deadline by now, but the agent has not started it.
    channel.say({ id: 1, ok: true });
    await first;
    channel.say({ id: 2, ok: true });
    expect(await second).toMatchObject({ id: 2, ok: true });
  });

  it('restart the deadline of the current request on progress, within limits', async () => {
    const { channel, agent } = open();
    let told = 0;
    const tell = setInterval(() => channel.say({ id: 1, progress: ++told }), 10);
    const began = performance.now();
    const error: unknown = await agent.request('memfd', {}, 60).catch((e: unknown) => e);
    clearInterval(tell);
    // Longer than without progress, but not for ever.
    expect(error).toBeInstanceOf(NoProgress);
    expect((error as Error).message).toContain('although the machine goes on');
    expect(performance.now() - began).toBeGreaterThan(180);
    expect(told).toBeGreaterThan(5);
  });

  it.each<[string, (n: number) => object]>([
    ['that does not go on', () => ({ id: 1, progress: 7 })],
    ['of what it is not at', (n) => ({ id: 2, progress: n })],
    ['of nothing', (n) => ({ id: 99, progress: n })],
  ])('ignore progress %s', async (_, line) => {
    const { channel, agent } = open();
    let told = 0;
    const first = agent.request('memfd', {}, 80).catch((e: unknown) => e);
    void agent.request('stat', {}, 60_000).catch(() => undefined);
    const tell = setInterval(() => channel.say(line(++told)), 10);
    const error: unknown = await first;
    clearInterval(tell);
    expect((error as Error).message).toBe('no answer of the agent to memfd within 0.1 s');
    agent.drop();
  });
});

describe('the jump', () => {
  /** Lets pending promises continue. */
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

  async function going() {
    const opened = open();
    const jump = opened.agent.kexec(1000);
    opened.channel.say({ id: 1, ok: true, going: true });
    await settle();
    expect(opened.channel.sent).toEqual(['1 kexec\n', '1 go\n']);
    return { ...opened, jump };
  }

  it('is over when the channel ends', async () => {
    const { channel, jump } = await going();
    channel.emit('close');
    expect(await jump).toBeNull();
  });

  it('is over when the lab drops the channel', async () => {
    const { agent, jump } = await going();
    agent.drop();
    expect(await jump).toBeNull();
  });

  it('returns the reply if the reboot call was refused', async () => {
    const { channel, jump } = await going();
    channel.say({ id: 1, ok: false, errno: 'EBUSY', at: 'reboot' });
    expect(await jump).toMatchObject({ ok: false, errno: 'EBUSY', at: 'reboot' });
  });

  it('does not start if the agent refuses', async () => {
    const { channel, agent } = open();
    const jump = agent.kexec(1000);
    channel.say({ id: 1, ok: false, errno: 'EINVAL' });
    expect(await jump).toMatchObject({ ok: false, errno: 'EINVAL' });
    expect(channel.sent).toEqual(['1 kexec\n']);
  });

  it('fails if the channel ends before the agent is ready', async () => {
    const { channel, agent } = open();
    const jump = agent.kexec(1000);
    channel.emit('close');
    await expect(jump).rejects.toThrow(ClientGone);
  });

  it('fails if the agent never gets ready', async () => {
    await expect(open().agent.kexec(10)).rejects.toThrow(NoProgress);
  });

  it('also counts an unreadable last line of the agent as a jump', async () => {
    const { channel, jump } = await going();
    channel.say('\u0000\u0000garbage\n');
    expect(await jump).toBeNull();
  });
});
