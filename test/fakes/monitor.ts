// SPDX-License-Identifier: Apache-2.0
// The monitor of the fake machine: answers the lab's commands to QEMU and sends events.
import type { QmpEvent } from '../../src/qemu/qmp.js';
import type { Monitor } from '../../src/run/machine/parts.js';
import { LabError } from '../../src/util/errors.js';
import type { FakeMachine } from './machine.js';
import { CR3 } from './ram.js';

const PATIENCE = 60_000;
const hex = (value: number | bigint, digits: number) => value.toString(16).padStart(digits, '0');

export class FakeMonitor implements Monitor {
  private onEvent: (event: QmpEvent) => void = () => undefined;
  isOpen = false;
  starved = false;
  /** Page tables that the vCPUs run on; null if QEMU prints its registers in an unknown form. */
  cr3: number | null = CR3;
  mtree = 'FlatView #0\n AS "memory", root: system\n  0000000000000000-000000003fffffff (prio 0, ram): ram\n';

  constructor(private readonly machine: Pick<FakeMachine, 'running' | 'stoodStill' | 'restart' | 'stands' | 'goOn'>) {}

  opened(onEvent: (event: QmpEvent) => void): this {
    this.onEvent = onEvent;
    this.isOpen = true;
    return this;
  }

  emit(event: string, data: unknown): void {
    if (this.isOpen) this.onEvent({ event, data });
  }

  async human(line: string): Promise<string> {
    await this.alive();
    if (line.startsWith('info registers')) return this.registers();
    if (line === 'info mtree -f') return this.mtree;
    if (line === 'info usernet')
      return '  TCP[HOST_FORWARD]  13       127.0.0.1  2222       10.0.2.15    22     0     0\n';
    if (line === 'info status') return 'VM status: running\n';
    return '';
  }

  async run(command: string): Promise<unknown> {
    await this.alive();
    if (command === 'query-version') return { qemu: { major: 7, minor: 2, micro: 0 }, package: '' };
    if (command === 'trace-event-get-state') return [{ name: 'any', state: 'enabled' }];
    if (command === 'query-status') return { running: !this.machine.stands };
    if (command === 'cont') this.machine.goOn();
    if (command === 'system_reset') {
      this.emit('RESET', { guest: false, reason: 'host-qmp-system-reset' });
      this.machine.restart();
    }
    return {};
  }

  close(): void {
    this.isOpen = false;
  }

  private registers(): string {
    if (this.cr3 === null) return 'the registers, in another form\n';
    return [
      'CPU#0',
      `RAX=${hex(0, 16)}`,
      `RIP=${hex(0xffff_ffff_8100_0000n, 16)} RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1`,
      `IDT=     ${hex(0xffff_fe00_0000_0000n, 16)} 00000fff`,
      `CR0=80050033 CR2=0 CR3=${hex(this.cr3, 16)} CR4=000006f0`,
      '',
    ].join('\n');
  }

  private async alive(): Promise<void> {
    // The real one gives up in the same way.
    if (this.starved) await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    if (this.starved) throw new LabError(`QEMU monitor: no answer within ${PATIENCE / 1000} s`);
    if (!this.isOpen || !this.machine.running) throw new LabError('QEMU monitor: the monitor socket closed');
  }
}
