// SPDX-License-Identifier: Apache-2.0
// QEMU's monitor of a resumed machine. The machine stands until its rung is reached, so it is neither stopped nor
// continued before that.
import type { Monitor } from '../../run/index.js';
import type { Way } from './way.js';

const ALL_REGISTERS = 'info registers -a';
const HELD_BACK: ReadonlySet<string> = new Set(['stop', 'cont']);

export class StagedMonitor implements Monitor {
  private pending = 0;

  /** @param onIdle called whenever the run has got all its answers and has asked nothing more at once */
  constructor(
    private readonly monitor: Monitor,
    private readonly way: Pick<Way, 'stage' | 'isReleased'>,
    private readonly onIdle: () => void,
  ) {}

  async run(command: string, args?: Record<string, unknown>, ms?: number): Promise<unknown> {
    if (!this.way.isReleased && HELD_BACK.has(command)) return {};
    return this.counted(this.monitor.run(command, args, ms));
  }

  async human(commandLine: string): Promise<string> {
    const { seen } = this.way.stage;
    if (!this.way.isReleased && seen !== null && commandLine === ALL_REGISTERS) return seen.registers;
    return this.counted(this.monitor.human(commandLine));
  }

  close(): void {
    this.monitor.close();
  }

  private async counted<T>(answer: Promise<T>): Promise<T> {
    this.pending++;
    try {
      return await answer;
    } finally {
      this.pending--;
      setImmediate(() => {
        if (this.pending === 0) this.onIdle();
      });
    }
  }
}
