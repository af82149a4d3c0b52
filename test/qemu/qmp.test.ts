// SPDX-License-Identifier: Apache-2.0
// The QMP client against a server on a real socket.
import { symlinkSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Qmp, type QmpEvent } from '../../src/qemu/qmp.js';
import { LabError } from '../../src/util/errors.js';
import { temporaryFolder, until } from '../util/temporary.js';

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}\r\n';

interface Asked {
  execute: string;
  arguments: Record<string, unknown>;
  id: number;
}

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', note).on('uncaughtException', note));
afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.off('unhandledRejection', note).off('uncaughtException', note);
  expect(unhandled.splice(0)).toEqual([]);
});

/** A monitor that greets and leaves negotiation mode; every further request goes to `answer`. */
async function monitor(
  answer: (asked: Asked, say: (text: string | object) => void, socket: Socket) => void,
  greeting = GREETING,
) {
  const path = join(temporaryFolder(), 'qmp.sock');
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    const say = (text: string | object) =>
      void socket.write(typeof text === 'string' ? text : `${JSON.stringify(text)}\r\n`);
    say(greeting);
    let rest = '';
    socket.on('data', (data) => {
      const lines = (rest + data.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const asked = JSON.parse(line) as Asked;
        if (asked.execute === 'qmp_capabilities') say({ return: {}, id: asked.id });
        else answer(asked, say, socket);
      }
    });
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

async function client(path: string, more: { deadline?: number; signal?: AbortSignal } = {}) {
  const events: QmpEvent[] = [];
  const log: string[] = [];
  const qmp = await Qmp.open(path, {
    deadline: 5000,
    signal: new AbortController().signal,
    ...more,
    onEvent: (event) => events.push(event),
    log: (direction, text) => log.push(`${direction} ${text}`),
  });
  onTestFinished(() => qmp.close());
  return { qmp, events, log };
}

describe('the monitor', () => {
  it('matches answers to requests in any order, with events in between', async () => {
    const held: (() => void)[] = [];
    const path = await monitor(({ execute, arguments: args, id }, say) => {
      held.unshift(() => say({ return: { execute, args }, id }));
      if (held.length < 3) return;
      say('{"timestamp": {"seconds": 1}, "event": "STOP"}\r\n');
      for (const answer of held) answer();
      say('{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-panic"}}\r\n');
    });
    const { qmp, events, log } = await client(path);
    const answers = await Promise.all([qmp.run('one'), qmp.run('two', { x: 1 }), qmp.run('three')]);
    expect(answers).toEqual([
      { execute: 'one', args: {} },
      { execute: 'two', args: { x: 1 } },
      { execute: 'three', args: {} },
    ]);
    await until('both events', () => events.length === 2);
    expect(events).toEqual([
      { event: 'STOP', data: null },
      { event: 'SHUTDOWN', data: { guest: true, reason: 'guest-panic' } },
    ]);
    expect(log[0]).toContain('in {"QMP"');
    expect(log).toContain('out {"execute":"two","arguments":{"x":1},"id":3}');
  });

  it('returns text of the human monitor', async () => {
    const path = await monitor(({ arguments: args, id }, say) =>
      say({ return: args['command-line'] === 'info x' ? 'words\r\n' : 5, id }),
    );
    const { qmp } = await client(path);
    expect(await qmp.human('info x')).toBe('words\r\n');
    await expect(qmp.human('info y')).rejects.toThrow('no text from info y');
  });

  it("returns an error with QEMU's description", async () => {
    const path = await monitor(({ execute, id }, say) =>
      say(execute === 'a' ? { error: { class: 'GenericError', desc: 'no such thing' }, id } : { error: null, id }),
    );
    const { qmp } = await client(path);
    await expect(qmp.run('a')).rejects.toThrow('no such thing');
    await expect(qmp.run('b')).rejects.toThrow(LabError);
  });

  it('ignores answers that nobody waits for', async () => {
    const path = await monitor(({ id }, say) => {
      say({ return: 'whose?', id: 999 });
      say('{}\r\n');
      say({ return: 'mine', id });
      say({ return: 'again', id });
    });
    expect(await (await client(path)).qmp.run('x')).toBe('mine');
  });

  it.each([
    ['no JSON', 'garbage\n'],
    ['half of it', '{"return":\n'],
    ['null', 'null\n'],
    ['a number', '5\n'],
    ['a list', '[]\n'],
    ['an event without a name', '{"event": 5}\n'],
    ['an event with an endless name', `{"event": "${'X'.repeat(1000)}"}\n`],
    ['a reply to no number', '{"return": {}, "id": "1"}\n'],
    ['an error that is a text', '{"error": "no", "id": 2}\n'],
  ])('is given up at %s', async (_, text) => {
    const path = await monitor((_asked, say) => say(text));
    const { qmp } = await client(path);
    await expect(qmp.run('x')).rejects.toThrow('unreadable message');
    await expect(qmp.run('y')).rejects.toThrow('unreadable message');
  });

  it('is dropped after a message that is too long', async () => {
    const path = await monitor(({ id }, say) => say({ return: 'x'.repeat(9 << 20), id }));
    await expect((await client(path)).qmp.run('x')).rejects.toThrow('unreadable message');
  });

  it('that closes fails all pending and later requests', async () => {
    let asked = 0;
    const path = await monitor((_asked, _say, socket) => {
      if (++asked === 3) socket.destroy();
    });
    const { qmp } = await client(path);
    const waiting = await Promise.allSettled([qmp.run('a'), qmp.run('b'), qmp.run('c')]);
    expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(qmp.run('d')).rejects.toThrow('the monitor socket closed');
    qmp.close();
  });

  it('that does not answer is a failure of the lab, not the machine; a late answer is ignored', async () => {
    const answers: (() => void)[] = [];
    const path = await monitor(({ execute, id }, say) =>
      execute === 'slow' ? answers.push(() => say({ return: 'late', id })) : say({ return: execute, id }),
    );
    const { qmp } = await client(path);
    const error = await qmp.run('slow', {}, 20).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LabError);
    expect((error as Error).message).toContain('no answer from QEMU to slow');
    for (const answer of answers) answer();
    expect(await qmp.run('quick')).toBe('quick');
  });

  it('that never greets is a timeout', async () => {
    const path = await monitor(() => undefined, '');
    await expect(client(path, { deadline: 30 })).rejects.toThrow('greeting');
  });

  it('that does not exist yet is waited for', async () => {
    const path = join(temporaryFolder(), 'qmp.sock');
    await expect(client(path, { deadline: 30 })).rejects.toThrow('did not open its monitor');
    const controller = new AbortController();
    const open = client(path, { signal: controller.signal });
    controller.abort(new Error('QEMU ended on its own'));
    await expect(open).rejects.toThrow('QEMU ended on its own');
    await expect(client(temporaryFolder(), { deadline: 30 })).rejects.toThrow();
  });

  it('that does not exist yet is waited for although the clock of the host is set forward', async () => {
    const there = await monitor(() => undefined);
    const path = join(temporaryFolder(), 'qmp.sock');
    const clock = vi.spyOn(Date, 'now').mockReturnValue(0);
    onTestFinished(() => clock.mockRestore());
    const open = client(path, { deadline: 60_000 });
    clock.mockReturnValue(3_600_000);
    // Only after the first look.
    setImmediate(() => setImmediate(() => symlinkSync(there, path)));
    expect(await open).toBeDefined();
  });
});
