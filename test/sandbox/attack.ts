// SPDX-License-Identifier: Apache-2.0
// Runs the hostile program in a sandbox. As a program of its own, it uses the best one that its user has.
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findSandbox, type Needs, type Sandbox, startSandboxed } from '../../src/sandbox/index.js';

export interface Attacked {
  sandbox: Sandbox;
  done: string[];
  denied: string[];
  /** Its standard output. The order of two pipes says nothing, so messages of perl are not in it. */
  text: string;
}

/** @param forks whether it tries 10,000 processes: without a limit of its own, the host would have them */
export async function attack(wanted: Sandbox, forks: 'forks' | 'no forks'): Promise<Attacked> {
  const base = mkdtempSync(join(tmpdir(), 'lab-attack-'));
  const server = createServer((socket) => socket.destroy());
  try {
    chmodSync(base, 0o755);
    const folder = (name: string, mode: number) => {
      const dir = join(base, name);
      mkdirSync(dir, { mode });
      writeFileSync(join(dir, 'secret'), 'secret\n', { mode: 0o600 });
      return dir;
    };
    const [home, labs] = [folder('home', 0o700), folder('labs', 0o755)];
    const [other, own] = [folder('other', 0o700), folder('own', 0o700)];
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const program = join(base, 'attack.pl');
    copyFileSync(fileURLToPath(new URL('./attack.pl', import.meta.url)), program);
    chmodSync(program, 0o644);
    const needs: Needs = {
      read: [program],
      write: [own],
      devices: [],
      network: 'listen',
      cwd: own,
      limits: { memory: 1 << 30, processes: 100, fileSize: 1 << 20 },
    };
    const argv = ['perl', program, String(process.pid), home, labs, other, String(port), own];
    const env = { PATH: process.env['PATH'], ...(forks === 'forks' ? { FORKS: '1' } : {}) };
    const { child, sandbox } = await startSandboxed(wanted, needs, argv, { dir: base, stdout: 'pipe', env });
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stderr?.resume();
    await child.ended;
    const lines = (word: string) =>
      text.split('\n').flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
    return { sandbox, done: lines('DONE'), denied: lines('DENIED'), text };
  } finally {
    server.close();
    rmSync(base, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  void findSandbox(process.argv[2] ?? '')
    .then((sandbox) => attack(sandbox, sandbox.kind === 'bwrap' ? 'forks' : 'no forks'))
    .then((result) => process.stdout.write(JSON.stringify(result)));
}
