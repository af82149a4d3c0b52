// SPDX-License-Identifier: Apache-2.0
// Compiles the agent for this host and talks to it over pipes.
import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Readable, Writable } from 'node:stream';

const lab = fileURLToPath(new URL('../../lab/', import.meta.url));

export type Reply = Record<string, unknown> & { id: number; ok: boolean; errno?: string; at?: string };

/** Compiles every .c file below a folder, or only those named, together with `driver` if given. Warnings are errors. */
export function compile(
  folder: string,
  only?: readonly string[],
  driver?: string,
): { program: string; remove: () => void } {
  const out = mkdtempSync(path.join(tmpdir(), 'lab-agent-test-'));
  const sources = readdirSync(path.join(lab, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.c') && (only === undefined || only.includes(name)))
    .map((name) => path.join(lab, folder, name));
  const program = path.join(out, 'program');
  execFileSync(
    'gcc',
    [
      '-O2',
      '-static',
      '-Wall',
      '-Wextra',
      '-Werror',
      `-I${path.join(lab, folder)}`,
      ...(driver === undefined ? [] : ['-x', 'c', '-', '-x', 'none']),
      ...sources,
      '-o',
      program,
    ],
    { input: driver ?? '', stdio: ['pipe', 'pipe', 'pipe'] },
  );
  return { program, remove: () => rmSync(out, { recursive: true, force: true }) };
}

/** An agent of root could set the clock of this host (`renew`), so it runs without that right. */
function harmless(program: string): string[] {
  return process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-sys_time', program] : [program];
}

export class AgentProcess {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly replies: Reply[] = [];
  /** Lines that tell progress, with how many replies had come by then. */
  readonly progress: { id: number; progress: number; after: number }[] = [];
  private came = 0;
  private wake: () => void = () => undefined;
  readonly exit: Promise<{ code: number | null; signal: string | null }>;
  private ended = false;

  constructor(program: string) {
    const [command = program, ...args] = harmless(program);
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin.on('error', () => undefined);
    let rest = '';
    this.child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const told = JSON.parse(line) as Reply;
        if (typeof told['progress'] === 'number')
          this.progress.push({ id: told.id, progress: told['progress'], after: this.came });
        else this.came = this.replies.push(told);
      }
      this.wake();
    });
    this.exit = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        this.ended = true;
        this.wake();
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  write(bytes: string | Buffer): void {
    this.child.stdin.write(bytes);
  }

  end(): void {
    this.child.stdin.end();
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** The next `count` replies, in order; fewer if the agent ends. */
  async read(count: number): Promise<Reply[]> {
    while (this.replies.length < count && !this.ended)
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    return this.replies.splice(0, count);
  }

  async ask(line: string): Promise<Reply> {
    this.write(`${line}\n`);
    const [reply] = await this.read(1);
    if (reply === undefined) throw new Error(`no answer to ${line}`);
    return reply;
  }

  /** Says hello, without which an agent carries out nothing. Its answer does not count. */
  async greet(): Promise<void> {
    await this.ask('0 hello');
    this.came = 0;
  }

  /** A file that the agent holds, as this process can open it. */
  pathOf(file: string): string {
    const folder = `/proc/${this.pid}/fd`;
    const found = readdirSync(folder).find((fd) => readlinkSync(path.join(folder, fd)) === `/memfd:${file} (deleted)`);
    if (found === undefined) throw new Error(`the agent holds no ${file}`);
    return path.join(folder, found);
  }
}
