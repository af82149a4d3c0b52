// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ConsoleScanner, type ConsoleSignal, type Finding } from '../../src/console/index.js';
import { scan } from './golden.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const findings = (signals: ConsoleSignal[]): Finding[] => signals.filter((signal) => signal.type === 'finding');
let clock = 1;
const kernelLog = (...messages: string[]): string =>
  messages.map((message) => `[${(clock += 0.001).toFixed(6).padStart(12)}] ${message}\r\n`).join('');

const oops = (fn: string, end = true): string =>
  kernelLog(
    'BUG: kernel NULL pointer dereference, address: 0000000000000000',
    '#PF: supervisor write access in kernel mode',
    'Oops: Oops: 0002 [#1] SMP',
    `CPU: 0 UID: 0 PID: 1 Comm: init Not tainted`,
    `RIP: 0010:${fn}+0x12/0x34`,
    'Call Trace:',
    ' <TASK>',
    ' do_syscall_64+0x6c/0x340',
    ' </TASK>',
    ...(end ? ['---[ end trace 0000000000000000 ]---', `RIP: 0010:${fn}+0x12/0x34`] : []),
  );

describe('ConsoleScanner', () => {
  it('takes all lines of a report, and the next message separately', () => {
    const [first, second, ...rest] = findings(
      scan(encode(oops('foo') + kernelLog('luo: Block set is corrupted', 'eth0: link up'))),
    );
    expect(first).toMatchObject({ title: 'BUG: kernel NULL pointer dereference in foo', line: 1, corrupted: null });
    expect(first?.text.split('\n')).toHaveLength(11);
    expect(second).toMatchObject({ title: 'luo: Block set is corrupted', line: 12, after: first?.title });
    expect(rest).toEqual([]);
  });

  describe('a reason in the line above', () => {
    const luo = 'luo: Freeze failed for token[0x2] handler[vfio-pci-v1] err[-EINVAL]';
    const driver = 'vfio-pci 0000:00:05.0: Freeze failed! Interrupts are still enabled.';
    const textOf = (text: string): string[] =>
      findings(scan(encode(text)))[0]
        ?.text.split('\n')
        .map((line) => line.replace(/^\[[^\]]*\] /, '').trimEnd()) ?? [];

    it('is kept with the refusal', () => {
      expect(findings(scan(encode(kernelLog(driver, luo))))).toMatchObject([
        { title: 'luo: Freeze failed in handler vfio-pci-v1: -EINVAL', implies: 'refused' },
      ]);
      expect(textOf(kernelLog(driver, luo))).toEqual([driver, luo]);
    });

    it('is kept if the two lines arrive separately', () => {
      const scanner = new ConsoleScanner();
      scanner.feed(encode(kernelLog('eth0: link up', driver)));
      expect(findings(scanner.feed(encode(kernelLog(luo))))[0]?.text).toContain('Interrupts are still enabled');
    });

    it('is ignored if that line is old or from LUO itself', () => {
      const old = kernelLog(driver);
      clock += 5;
      expect(textOf(old + kernelLog(luo))).toEqual([luo]);
      expect(findings(scan(encode(kernelLog('luo: Block set is corrupted', luo))))[1]?.text).not.toContain('Block set');
    });
  });

  it('reports a panic that comes inside another report', () => {
    const [, panic] = findings(
      scan(
        encode(
          oops('foo', false) +
            kernelLog(
              'Kernel panic - not syncing: Fatal exception',
              '---[ end Kernel panic - not syncing: Fatal exception ]---',
            ),
        ),
      ),
    );
    expect(panic).toMatchObject({
      title: 'Kernel panic: Fatal exception',
      implies: 'panic',
      after: 'BUG: kernel NULL pointer dereference in foo',
    });
    expect(panic?.text.split('\n')).toHaveLength(2);
  });

  it('says why a report is weak evidence', () => {
    const reason = (text: string): string | null | undefined => findings(scan(encode(text)))[0]?.corrupted;
    expect(reason(oops('foo'))).toBeNull();
    expect(reason(oops('foo', false))).toBe('no end of trace before the end of the log');
    expect(reason(oops('foo', false) + oops('bar'))).toBe('no end of trace before another report');
    expect(reason(oops('foo', false) + '[    0.000000] Linux version 7.3.4 (x)\n')).toBe(
      'no end of trace before another kernel',
    );
    expect(reason(oops('foo').replace('Call Trace:', 'Call Trace:[    9.000001] usb 1-1: new device'))).toBe(
      'interleaved output',
    );
    expect(reason(oops('foo').replace('Call Trace:', `Call Trace:${'x'.repeat(9000)}`))).toBe('line too long');
    expect(reason(kernelLog('------------[ cut here ]------------', 'a', 'b', 'c', 'd', 'e', 'f'))).toBe(
      'no title after the cut',
    );
  });

  it('separates interleaved messages', () => {
    const [finding] = findings(
      scan(encode('[    1.000000] usb 1-1: new[    1.000001] Kernel panic - not syncing: Fatal exception\n')),
    );
    expect(finding).toMatchObject({ title: 'Kernel panic: Fatal exception', corrupted: 'interleaved output' });
  });

  it('believes only the kernel', () => {
    const quotes = 'Kernel panic - not syncing: just a quote\nBUG: unable to handle page fault for address: 1\n';
    expect(findings(scan(encode(`${kernelLog('usb: x')}${quotes}`)))).toEqual([]);
    // Without time stamps nobody can tell.
    expect(findings(scan(encode('Kernel panic - not syncing: Fatal exception\n')))).toHaveLength(1);
    // A message that quotes a complaint is not one.
    expect(findings(scan(encode(kernelLog('foo: last time: Kernel panic - not syncing: x'))))).toEqual([]);
  });

  it('reports a title once an epoch and counts the rest', () => {
    const scanner = new ConsoleScanner();
    const signals = [...scanner.feed(encode(oops('foo') + oops('foo') + oops('bar'))), ...scanner.end()];
    expect(findings(signals)).toHaveLength(2);
    expect(scanner.summary()).toMatchObject({
      findings: [{ count: 2, finding: { line: 1 } }, { count: 1 }],
      dropped: 0,
      lines: 33,
    });
    const nextEpoch = oops('foo') + kernelLog('kexec_core: Starting new kernel') + oops('foo');
    expect(
      findings(
        scan(
          encode(
            nextEpoch
              .replace(/(new kernel\r\n)/, '$1[    0.000000] Linux version 7.3.4 (x)\n')
              .replace(/^/, '[    0.000000] Linux version 7.3.4 (x)\n'),
          ),
        ),
      ).map(({ epoch }) => epoch),
    ).toEqual([0, 1]);
  });

  it('limits a flood of complaints, which hides no panic', () => {
    const scanner = new ConsoleScanner();
    let reported = 0;
    for (let i = 0; i < 3000; i++)
      reported += scanner.feed(
        encode(
          kernelLog(
            `luo: Failed to insert session [x] ${'ab'.repeat(1 + (i % 70))}${i}q`,
            `memfd_luo: odd thing ${String.fromCharCode(97 + (i % 26))}x${i}y`,
          ),
        ),
      ).length;
    const last = scanner.feed(encode(kernelLog('Kernel panic - not syncing: Fatal exception')));
    expect(findings([...last, ...scanner.end()]).map(({ title }) => title)).toEqual(['Kernel panic: Fatal exception']);
    expect(reported).toBeLessThan(50);
    expect(scanner.summary().dropped).toBeGreaterThan(1000);
  });

  it('limits findings for each kernel, and never drops an outcome or a taint', () => {
    const scanner = new ConsoleScanner();
    const next = '[    0.000000] Linux version 7.3.4 (x)\n';
    const titlesOf = (text: string) => findings(scanner.feed(encode(text))).map(({ title }) => title);
    for (let epoch = 0; epoch < 12; epoch++) {
      const noise = Array.from(
        { length: 40 },
        (_, i) => `kexec_core: odd thing x${String.fromCharCode(97 + (i % 26))}y${i}z`,
      );
      expect(titlesOf(next + kernelLog(...noise))).toHaveLength(24);
      // Other code looks for these by name.
      const names = Array.from({ length: 30 }, (_, i) => `Revived memory reservation 'r${i}' from KHO`);
      expect(titlesOf(kernelLog(...names))).toEqual(names);
      const warnings = Array.from(
        { length: 40 },
        (_, i) => `WARNING: mm/foo.c:1 at fn${'q'.repeat(1 + i)}+0x1/0x2, CPU#0: init/1`,
      );
      expect(
        titlesOf(kernelLog(...warnings.flatMap((line) => [line, '---[ end trace 0000000000000000 ]---']), 'x')).length,
      ).toBe(24);
      // Another taint, and another outcome, get through.
      expect(titlesOf(kernelLog('WARNING: suspicious RCU usage', '---[ end trace 0000000000000000 ]---', 'x'))).toEqual(
        ['WARNING: suspicious RCU usage'],
      );
      const kho = Array.from({ length: 40 }, (_, i) => `KHO: Failed to do q${'q'.repeat(i)}`);
      expect(titlesOf(kernelLog(...kho))).toHaveLength(24);
      expect(
        titlesOf(kernelLog('KHO: disabling KHO revival', "FDT 'memblock' is incompatible with 'memblock-v1'")),
      ).toEqual(['KHO: disabling KHO revival', "FDT 'memblock' is incompatible with 'memblock-v1'"]);
      titlesOf(kernelLog('kexec_core: Starting new kernel'));
    }
    expect(scanner.summary().dropped).toBe(12 * (16 + 16 + 16));
  });

  it('limits a report that never ends', () => {
    const [finding] = findings(
      scan(encode(oops('foo', false) + kernelLog(...Array.from({ length: 5000 }, (_, i) => ` fn${i}+0x1/0x2`)))),
    );
    expect(finding?.text.length).toBeLessThan(30_000);
    expect(finding?.text).toMatch(/more lines\)$/);
  });

  it('reports an open report after a pause', () => {
    const scanner = new ConsoleScanner();
    expect(
      scanner.feed(encode(kernelLog('Kernel panic - not syncing: Fatal exception', 'Kernel Offset: disabled'))),
    ).toMatchObject([{ kind: 'panic', title: 'Kernel panic: Fatal exception' }]);
    expect(scanner.open).toMatchObject({ title: 'Kernel panic: Fatal exception', severity: 'panic' });
    expect(findings(scanner.flush())).toMatchObject([{ title: 'Kernel panic: Fatal exception' }]);
    expect(scanner.open).toBeNull();
    expect(scanner.end()).toEqual([]);
  });

  it('skips quiet lines, and still counts them', () => {
    const quiet = kernelLog(...Array.from({ length: 500 }, (_, i) => `usb 1-1: new device number ${i}`));
    const log = encode(
      `${quiet}half a line${quiet}\r\n\r\nab\rc\n${quiet}${kernelLog('Kernel pa\0nic - not syncing: hidden')}`,
    );
    const seen = scan(log);
    expect(findings(seen)).toMatchObject([{ title: 'Kernel panic: hidden', line: 1504 }]);
    for (const piece of [1, 3, 1000, 65536]) expect(scan(log, piece)).toEqual(seen);
  });

  it('survives random bytes', () => {
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    const words = [
      '[    1.000000] ',
      'Kernel panic - not syncing',
      '\r',
      '\n',
      '\u001b[',
      'BUG: ',
      ': ',
      'Oops: ',
      '------------[ cut here ]------------',
      'KHO: ',
      "luo: No registered handler for compatible '",
      '\0',
      'LAB-READY {',
      '\u00ff',
      '---[ end trace ',
      'x'.repeat(5000),
      'RIP: 0010:',
    ];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 40 }, () => words[random(words.length)]).join('');
      for (const { title } of findings(scan(encode(text)))) expect(title).not.toBe('');
    }
  });
});
