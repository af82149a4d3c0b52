// SPDX-License-Identifier: Apache-2.0
// What a console says, in one read, of two kernels: each word counts for the kernel that said it. The machine is
// scripted, the scanner is the real one.
import { describe, expect, it } from 'vitest';
import { Machine } from '../../../src/run/machine/machine.js';
import type { MachineParts } from '../../../src/run/machine/parts.js';
import { Recorder } from '../../../src/run/engine/recorder.js';
import type { Event } from '../../../src/model/result/event.js';
import type { TailOptions } from '../../../src/util/process/tail.js';
import { startClock } from '../../../src/util/clock.js';
import { NO_MEMORY } from '../../fakes/parts.js';

const never = new AbortController().signal;
const k = (stamp: number, ...lines: string[]): string =>
  lines.map((line) => `[${stamp.toFixed(6).padStart(12)}] ${line}\r\n`).join('');
const warning = (stamp: number, fn: string): string =>
  k(
    stamp,
    '------------[ cut here ]------------',
    `WARNING: mm/foo.c:1 at ${fn}+0x1/0x2, CPU#0: init/1`,
    'Call Trace:',
    ` ${fn}+0x1/0x2`,
    '---[ end trace 0000000000000000 ]---',
  );
const boot = (release: string): string => k(0, `Linux version ${release} (lab@lab) #1 SMP`);
const ready = (epoch: number): string => `${JSON.stringify({ epoch, bootId: `boot-${epoch}`, release: '7.3.4' })}\n`;

async function scripted() {
  const tails: TailOptions[] = [];
  const parts: MachineParts = {
    start: () => ({
      pid: 1,
      gone: never,
      kill: async () => ({ code: null, signal: null, stderr: '' }),
      exited: new Promise(() => undefined),
      endedWithin: async () => false,
      commandLine: '',
      sandbox: { kind: 'none', user: 'lab', why: 'a scripted machine', command: [] },
    }),
    openMonitor: async () => ({
      human: async (line: string) => ANSWERS[line] ?? '',
      run: async () => ({ qemu: { major: 7, minor: 2, micro: 0 }, package: '' }),
      close: () => undefined,
    }),
    openMemory: () => ({
      ...NO_MEMORY,
      path: '',
      size: 0,
      write: () => false,
      outlive: () => undefined,
      close: () => undefined,
    }),
    attachDebugger: () => new Promise<never>(() => undefined),
    follow: (options: TailOptions) => {
      tails.push(options);
      return { look: () => undefined, stop: () => undefined };
    },
  };
  const events: Event[] = [];
  const recorder = new Recorder(startClock(), (event) => void events.push(event));
  const streams = { console: () => undefined, qmp: () => undefined } as never;
  const machine = await Machine.start({ dir: '/run' } as never, recorder, streams, undefined, parts);
  const feed = (at: number) => (text: string) => tails[at]?.onData(Buffer.from(text));
  return { machine, recorder, events, console: feed(0), marks: feed(1), tails };
}

/** What the lab asks QEMU about itself; each answer can be understood. */
const ANSWERS: Readonly<Record<string, string>> = {
  'info usernet': 'HOST_FORWARD] 1 127.0.0.1 4022',
  'info mtree -f': 'FlatView #0\n AS "memory", root: system\n  0000000000000000-000000003fffffff (prio 0, ram): ram\n',
  'info registers -a':
    'CPU#0\nRIP=ffffffff81000000 RFL=00000246\nIDT=     fffffe0000000000 00000fff\n' +
    'CR0=80050033 CR2=0 CR3=0000000000001000 CR4=000006f0\n',
};

const found = (recorder: Recorder) => recorder.incidents.map(({ epoch, title }) => `${epoch} ${title}`);

describe('findings in one read', () => {
  it('from each side of a jump count for their own kernel', async () => {
    const { recorder, events, console, machine } = await scripted();
    console(boot('7.3.4'));
    machine.kexecWatch.arm();
    // The run still waits for the next kernel: its count of epochs comes later.
    console(
      warning(9, 'device_shutdown') +
        k(9, 'kexec_core: Starting new kernel') +
        boot('7.3.4') +
        warning(0, 'kho_restore_page') +
        k(1, 'x'),
    );
    expect(recorder.epoch).toBe(0);
    expect(found(recorder)).toEqual(['0 WARNING in device_shutdown', '1 WARNING in kho_restore_page']);
    expect(machine.findings.map(({ epoch }) => epoch)).toEqual([0, 1]);
    expect(events.filter(({ kind }) => kind === 'crash').map(({ epoch }) => epoch)).toEqual([0, 1]);
  });

  it('of a kernel that the run counts already, read late, stay with the old one', async () => {
    const { recorder, console } = await scripted();
    console(boot('7.3.4'));
    recorder.epoch = 1;
    console(
      warning(9, 'device_shutdown') +
        k(9, 'kexec_core: Starting new kernel') +
        boot('7.3.4') +
        warning(0, 'kho_restore_page') +
        k(1, 'x'),
    );
    expect(found(recorder)).toEqual(['0 WARNING in device_shutdown', '1 WARNING in kho_restore_page']);
  });

  it('of a quiet kernel, which prints no first line, count from its readiness mark on', async () => {
    const { recorder, console, marks, machine } = await scripted();
    console(boot('7.3.4'));
    marks(ready(0));
    await machine.untilReady(0, 1000);
    recorder.epoch = 1;
    const up = machine.untilReady(1, 1000);
    marks(ready(1));
    await up;
    console(warning(9, 'kho_restore_page') + k(10, 'x'));
    expect(found(recorder)).toEqual(['1 WARNING in kho_restore_page']);
  });

  it('of a machine that came up cold count for no kernel that was never started', async () => {
    const { recorder, console, machine } = await scripted();
    console(boot('7.3.4') + warning(9, 'bar') + boot('7.3.4') + warning(0, 'foo'));
    machine.readConsole();
    expect(found(recorder)).toEqual(expect.arrayContaining(['0 WARNING in bar', '0 WARNING in foo']));
    expect(recorder.incidents.some(({ implies }) => implies === 'reboot')).toBe(true);
  });

  it('a damaged report says what is wrong with it', async () => {
    const { recorder, console, machine } = await scripted();
    console(boot('7.3.4') + warning(9, 'foo').split('---[ end')[0]);
    machine.readConsole();
    expect(recorder.incidents[0]?.detail).toMatch(
      /\(the report came through damaged: no end of trace before a pause\)$/,
    );
  });

  it('bytes that nobody read make the witness blind', async () => {
    const { recorder, tails } = await scripted();
    recorder.witnesses.require('taint', 0);
    tails[0]?.onLost?.(4096);
    expect(recorder.witnesses.missing()).toMatchObject([
      { witness: 'taint', why: expect.stringContaining('4096 bytes of the console') },
    ]);
  });
});
