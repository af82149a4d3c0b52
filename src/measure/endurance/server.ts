// SPDX-License-Identifier: Apache-2.0
// A redis-server of the endurance run, which comes and goes.
import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type Child, startChild } from '../../util/process/child.js';
import { pause } from './started-lab.js';

const MAX_START_MS = 20_000;

export class Server {
  private child: Child | null = null;

  private constructor(
    private readonly port: number,
    private readonly dir: string,
  ) {}

  static async start(dir: string): Promise<Server> {
    mkdirSync(dir, { recursive: true });
    const server = new Server(await freePort(), dir);
    await server.begin();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it with what it kept. */
  async begin(): Promise<void> {
    const options = { port: this.port, bind: '127.0.0.1', dir: this.dir, appendonly: 'yes', appendfsync: 'always' };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.child = startChild(['redis-server', ...words, '--save', ''], {
      stdio: ['ignore', 'ignore', 'ignore'],
      tie: 'dies-with-lab',
    });
    this.child.ended.catch(() => undefined);
    const until = performance.now() + MAX_START_MS;
    while (!(await answers(this.port))) {
      if (performance.now() > until) throw new Error(`redis-server does not answer on port ${this.port}`);
      await pause(20);
    }
  }

  /** SIGKILL. `forgets`: what it kept is gone, too. */
  async kill({ forgets }: { forgets: boolean }): Promise<void> {
    const { child } = this;
    this.child = null;
    child?.kill('SIGKILL');
    await child?.ended.catch(() => undefined);
    if (forgets) rmSync(join(this.dir, 'appendonlydir'), { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('error', () => end(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    // While it loads its data, it answers with an error.
    socket.once('data', (data) => end(data.toString('latin1').startsWith('+PONG')));
  });
}

/** A port of this host that nobody uses now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
