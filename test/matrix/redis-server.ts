// SPDX-License-Identifier: Apache-2.0
// A real redis-server of Debian for tests, in a folder and on a port of its own; installed where it is missing, as the
// lab's own tools are.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { ensureTools, openWorkspace } from '../../src/images/index.js';
import { freePort } from '../../src/measure/endurance/server.js';
import { trackTemp } from '../../src/util/process/reaper.js';

export class RedisServer {
  private child: ChildProcess | null = null;
  private constructor(
    readonly port: number,
    private readonly dir: string,
    private readonly more: readonly string[],
  ) {}

  /** @param more further options of redis-server; with those the plain port stays open for the tests */
  static async start(more: readonly string[] = []): Promise<RedisServer> {
    await ensureTools(['test'], openWorkspace({ signal: new AbortController().signal, onProgress: () => undefined }));
    const dir = mkdtempSync(join(tmpdir(), 'lab-redis-'));
    trackTemp(dir);
    const server = new RedisServer(await freePort(), dir, more);
    await server.begin();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it with what it kept. */
  async begin(): Promise<void> {
    // Dies with the tests, however they end.
    this.child = spawn(
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        'redis-server',
        '--port',
        String(this.port),
        '--bind',
        '127.0.0.1',
        '--dir',
        this.dir,
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--save',
        '',
        ...this.more,
      ],
      { stdio: 'ignore' },
    );
    const probe = new Redis(this.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    probe.on('error', () => undefined);
    await probe.ping();
    probe.disconnect();
  }

  /** SIGKILL, as a crash would. @param forget what it kept is gone too */
  async kill({ forget }: { forget: boolean } = { forget: false }): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    if (forget) rmSync(join(this.dir, 'appendonlydir'), { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
