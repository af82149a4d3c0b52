// SPDX-License-Identifier: Apache-2.0
// One lab as a process of its own, to be killed or interrupted at any moment.
import { join } from 'node:path';
import { packageRoot } from '../../util/package-root.js';
import { type Child, type ChildEnd, startChild } from '../../util/process/child.js';

const LAB = join(packageRoot(), 'bin/lab.js');
/** Characters of its messages that are kept, from the end. */
const MAX_MESSAGES = 16 << 10;

export class StartedLab {
  private readonly child: Child;
  private readonly began = performance.now();
  /** The end of what it says. */
  messages = '';
  readonly ended: Promise<ChildEnd & { ms: number }>;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = startChild([process.execPath, LAB, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      tie: 'dies-with-lab',
      env: { ...process.env, CI: 'true', ...env },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.messages = (this.messages + chunk.toString('utf8')).slice(-MAX_MESSAGES);
      });
    this.ended = this.child.ended.then((end) => ({ ...end, ms: performance.now() - this.began }));
    this.ended.catch(() => undefined);
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends a signal after a time, unless the lab has ended by then. Returns whether it was sent. */
  async killAfter(ms: number, signal: NodeJS.Signals): Promise<boolean> {
    const ended = await Promise.race([this.ended.then(() => true), pause(ms).then(() => false)]);
    if (!ended) this.kill(signal);
    return !ended;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What a lab says that had an error which it did not expect. */
export function saysBug(messages: string): boolean {
  return /bug of the lab|^\s+at .*:\d+:\d+\)?$/m.test(messages);
}

export const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)?.slice(0, 300) ?? '';
