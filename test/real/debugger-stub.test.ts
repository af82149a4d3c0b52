// SPDX-License-Identifier: Apache-2.0
// QEMU's debugger stub, on firmware alone: no kernel is needed to stop at an instruction.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DebuggerStub } from '../../src/qemu/gdb.js';
import { Qmp } from '../../src/qemu/qmp.js';

/** Where the firmware begins after its first jump: f000:e05b (SeaBIOS, src/romlayout.S). */
const ENTRY = 0xfe05bn;

let dir = '';
let qemu: ChildProcess;
let monitor: Qmp;
const events: string[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'lab-gdb-'));
  events.length = 0;
  qemu = spawn(
    'qemu-system-x86_64',
    [
      '-accel',
      'tcg',
      '-m',
      '64',
      '-display',
      'none',
      '-nodefaults',
      '-S',
      '-qmp',
      `unix:${dir}/qmp,server=on,wait=off`,
      '-gdb',
      `unix:${dir}/gdb,server=on,wait=off`,
    ],
    { stdio: 'ignore' },
  );
  while (!existsSync(`${dir}/gdb`)) await new Promise((resolve) => setTimeout(resolve, 10));
  monitor = await Qmp.open(`${dir}/qmp`, {
    deadline: 10_000,
    signal: new AbortController().signal,
    log: () => undefined,
    onEvent: ({ event }) => void events.push(event),
  });
});
afterEach(() => {
  qemu.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const running = async () => ((await monitor.run('query-status')) as { running: boolean }).running;

describe("a machine under QEMU's debugger stub", () => {
  it('stops at the instruction that was asked for, and runs on', async () => {
    const stub = await DebuggerStub.attach(`${dir}/gdb`);
    await stub.breakAt(ENTRY);
    await stub.runUntilStop();
    expect(await running()).toBe(false);
    expect(await monitor.human('info registers')).toMatch(/EIP=0000e05b/);
    await stub.detach();
    expect(await running()).toBe(true);
  });

  it('can be stopped again', async () => {
    for (let round = 0; round < 3; round++) {
      const stub = await DebuggerStub.attach(`${dir}/gdb`);
      expect(await running()).toBe(false);
      await stub.detach();
      expect(await running()).toBe(true);
    }
  });

  it('runs on when it is let go of before it came there', async () => {
    const stub = await DebuggerStub.attach(`${dir}/gdb`);
    await stub.breakAt(0xdead_0000n);
    const stopped = stub.runUntilStop();
    stopped.catch(() => undefined);
    while (!(await running())) await new Promise((resolve) => setTimeout(resolve, 10));
    await stub.detach();
    expect(await running()).toBe(true);
  });

  it('that ends is said to whoever waits', async () => {
    const stub = await DebuggerStub.attach(`${dir}/gdb`);
    const stopped = stub.runUntilStop();
    qemu.kill('SIGKILL');
    await expect(stopped).rejects.toThrow('debugger stub');
    await expect(stub.breakAt(ENTRY)).rejects.toThrow('debugger stub');
  });
});

it("where nobody listens is the lab's failure", async () => {
  await expect(DebuggerStub.attach(`${dir}/nobody`)).rejects.toThrow('debugger stub');
});
