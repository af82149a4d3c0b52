// SPDX-License-Identifier: Apache-2.0
// The lab's end of an agent's port; the test plays QEMU and the agents behind it.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AgentChannel } from '../../src/guest/agent.js';
import { SocketPort } from '../../src/guest/port.js';
import { LabError } from '../../src/util/errors.js';

const GREETING = '{"agent":1}\n';

let folder: string;
let server: Server;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lab-port-'));
  path = join(folder, 'agent0.sock');
  server = createServer().listen(path);
  await once(server, 'listening');
});

afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

async function connected(): Promise<{ port: SocketPort; qemu: Socket; opened: Promise<AgentChannel> }> {
  const port = new SocketPort(path);
  const connection = once(server, 'connection') as Promise<[Socket]>;
  const opened = port.open();
  return { port, qemu: (await connection)[0], opened };
}

/** What a channel has received; waits until it ends with `last`. */
function received(channel: AgentChannel, last: string): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    channel.on('data', (chunk) => {
      text += chunk.toString();
      if (text.endsWith(last)) resolve(text);
    });
  });
}

const closed = (channel: AgentChannel) => new Promise<void>((resolve) => void channel.on('close', resolve));

it('is open when the agent has greeted, and passes on the rest', async () => {
  const { port, qemu, opened } = await connected();
  qemu.write(GREETING);
  const channel = await opened;
  const text = received(channel, 'two\n');
  qemu.write('{"id":1}\ntwo\n');
  expect(await text).toBe('{"id":1}\ntwo\n');
  channel.write('1 hello\n');
  expect(String((await once(qemu, 'data'))[0])).toBe('1 hello\n');
  port.close();
});

it.each([1, 2, 5, 11])('finds a greeting that comes in pieces of %i bytes', async (size) => {
  const { port, qemu, opened } = await connected();
  const bytes = `noise${GREETING}\n{"a${GREETING}\n${GREETING}`;
  for (let at = 0; at < bytes.length; at += size) {
    qemu.write(bytes.slice(at, at + size));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const channel = await opened;
  const text = received(channel, '\n');
  qemu.write('{"agent":2}\n');
  expect(await text).toBe('{"agent":2}\n');
  port.close();
});

it('a greeting in the middle of a line is no greeting', async () => {
  const { port, qemu, opened } = await connected();
  qemu.write(GREETING);
  const channel = await opened;
  const text = received(channel, 'end\n');
  qemu.write(`{"x":"${GREETING}end\n`);
  expect(await text).toBe(`{"x":"${GREETING}end\n`);
  port.close();
});

it('a second greeting closes the channel, and the next one leads to the new agent', async () => {
  const { port, qemu, opened } = await connected();
  qemu.write(GREETING);
  const first = await opened;
  const text = received(first, 'last words\n');
  const end = closed(first);
  qemu.write(`last words\n${GREETING}`);
  expect(await text).toBe('last words\n');
  await end;
  const second = await port.open();
  const reply = received(second, '\n');
  qemu.write('hello\n');
  expect(await reply).toBe('hello\n');
  port.close();
});

it('the end of QEMU closes the channel', async () => {
  const { qemu, opened } = await connected();
  qemu.write(GREETING);
  const channel = await opened;
  const end = closed(channel);
  qemu.destroy();
  await end;
});

it('after its channel was destroyed, it connects again', async () => {
  const { port, qemu, opened } = await connected();
  qemu.write(GREETING);
  const channel = await opened;
  const end = closed(channel);
  channel.destroy();
  await end;
  const again = once(server, 'connection') as Promise<[Socket]>;
  const second = port.open();
  const [next] = await again;
  next.write(GREETING);
  await second;
  port.close();
});

it('closed and opened at once, it uses no dead socket, and the old one ends nothing of the new one', async () => {
  const { port, qemu, opened } = await connected();
  qemu.write(GREETING);
  const first = await opened;
  const end = closed(first);
  const again = once(server, 'connection') as Promise<[Socket]>;
  port.close();
  const second = port.open();
  const [next] = await again;
  await end;
  next.write(GREETING);
  const channel = await second;
  const text = received(channel, '\n');
  next.write('hello\n');
  expect(await text).toBe('hello\n');
  port.close();
});

it('the channel to an agent that was replaced closes nothing', async () => {
  const { port, qemu, opened } = await connected();
  qemu.write(GREETING);
  const first = await opened;
  const end = closed(first);
  qemu.write(GREETING);
  await end;
  first.destroy();
  const second = await port.open();
  const text = received(second, '\n');
  qemu.write('hello\n');
  expect(await text).toBe('hello\n');
  port.close();
});

it('closed while it waits, it says so', async () => {
  const { port, opened } = await connected();
  port.close();
  await expect(opened).rejects.toThrow('the port of the agent was closed');
});

it('without QEMU, it is a failure of the host', async () => {
  await expect(new SocketPort(join(folder, 'none.sock')).open()).rejects.toThrow(LabError);
});
