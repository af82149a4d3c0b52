// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { pasteable, qemuArgs, type MachineConfig } from '../../src/qemu/args.js';
import { shellQuote } from '../../src/util/text/shell-quote.js';

const CONFIG: MachineConfig = {
  name: 'lab-1',
  accel: 'tcg',
  memory: 2 ** 30,
  cpus: 2,
  kernel: '/k/bzImage',
  initrd: '/k/initrd',
  cmdline: 'console=ttyS0 lab.epoch=0',
  disks: [
    { serial: 'initrd', path: '/k/initrd' },
    { serial: 'kernel0', path: '/k/next' },
  ],
  dir: '/tmp/lab-x',
  extra: [],
};

/** All values of an option. */
function values(args: readonly string[], option: string): string[] {
  return args.flatMap((arg, i) => (arg === option ? [args[i + 1] ?? ''] : []));
}

describe("QEMU's arguments", () => {
  const args = qemuArgs(CONFIG);

  it.each<[string, string, string]>([
    ['the board, with its RAM in the backend', '-machine', 'q35,memory-backend=ram,usb=off,vmport=off'],
    ['RAM that the lab can map', '-object', 'memory-backend-memfd,id=ram,size=1073741824B,share=on'],
    ['the size of RAM', '-m', '1073741824B'],
    ['processors', '-smp', '2'],
    ['an emulated processor', '-accel', 'tcg,thread=single'],
    ['four levels of page tables', '-cpu', 'max,la57=off,erms=off'],
    ['the first kernel', '-kernel', '/k/bzImage'],
    ['its initramfs', '-initrd', '/k/initrd'],
    ['its command line', '-append', 'console=ttyS0 lab.epoch=0'],
    ['the console in a file that is appended to', '-chardev', 'file,id=console,append=on,path=/tmp/lab-x/console.log'],
    ['the serial port on it', '-serial', 'chardev:console'],
    ['the readiness mark', '-chardev', 'file,id=ready,append=on,path=/tmp/lab-x/ready.log'],
    ['its port', '-device', 'virtserialport,chardev=ready,name=lab.ready'],
    ['the monitor', '-chardev', 'socket,id=qmp,path=/tmp/lab-x/qmp.sock,server=on,wait=off'],
    ['its protocol', '-mon', 'chardev=qmp,mode=control'],
    ['the network, known by its address', '-device', 'virtio-net-pci,netdev=net0,mac=52:54:00:4c:41:42,romfile='],
    ['no network but the forwarded port', '-netdev', 'user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22'],
    ['endings that keep the machine', '-action', 'shutdown=pause,panic=pause'],
    ['panics that are reported', '-device', 'pvpanic-pci'],
    ['a sandbox', '-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ['the next kernel, read-only', '-drive', 'if=none,id=disk1,format=raw,readonly=on,file=/k/next'],
    ['the serial that the machine finds it by', '-device', 'virtio-blk-pci,drive=disk1,serial=kernel0'],
  ])('%s', (_, option, value) => expect(values(args, option)).toContain(value));

  it('split the RAM of a machine with nodes, and leave room for modules', () => {
    const numa = [
      { memory: 2 ** 29, cpus: 0 },
      { memory: 2 ** 29, cpus: 2 },
    ];
    const split = qemuArgs({ ...CONFIG, numa, modules: { slots: 2, bytes: 2 ** 28 } });
    expect(values(split, '-machine')).toEqual(['q35,usb=off,vmport=off']);
    expect(values(split, '-m')).toEqual(['1073741824B,slots=2,maxmem=1342177280B']);
    expect(values(split, '-object')).toEqual([
      'memory-backend-memfd,id=ram0,size=536870912B,share=on',
      'memory-backend-memfd,id=ram1,size=536870912B,share=on',
    ]);
    expect(values(split, '-numa')).toEqual(['node,nodeid=0,memdev=ram0', 'node,nodeid=1,cpus=0-1,memdev=ram1']);
  });

  it('disable reboot, defaults and display', () => {
    expect(args).toEqual(expect.arrayContaining(['-no-reboot', '-nodefaults', '-no-user-config']));
    expect(values(args, '-display')).toEqual(['none']);
  });

  it("use the host's own processor under KVM, also with four levels of page tables", () => {
    const kvm = qemuArgs({ ...CONFIG, accel: 'kvm' });
    expect(values(kvm, '-accel')).toEqual(['kvm']);
    expect(values(kvm, '-cpu')).toEqual(['host,la57=off']);
  });

  it('count instructions on request, but only on emulated processors', () => {
    expect(values(qemuArgs({ ...CONFIG, icount: true }), '-icount')).toEqual(['shift=4,sleep=on']);
    expect(values(args, '-icount')).toEqual([]);
    expect(values(qemuArgs({ ...CONFIG, icount: true, accel: 'kvm' }), '-icount')).toEqual([]);
  });

  it('leave nothing to the host that a seed can decide', () => {
    const same = qemuArgs({ ...CONFIG, icount: true, seed: 7 });
    expect(values(same, '-seed')).toEqual(['7']);
    expect(values(same, '-icount')).toEqual(['shift=4,sleep=off']);
    expect(values(same, '-rtc')).toEqual(['base=2026-01-01T00:00:00,clock=vm']);
    expect(values(same, '-global')).toEqual([
      'virtio-serial-pci.ioeventfd=off',
      'virtio-blk-pci.ioeventfd=off',
      'virtio-net-pci.ioeventfd=off',
    ]);
    expect(values(qemuArgs({ ...CONFIG, seed: 7 }), '-rtc')).toEqual(['base=2026-01-01T00:00:00']);
    for (const option of ['-seed', '-rtc', '-global']) expect(values(args, option)).toEqual([]);
  });

  it('log what code is translated, on request', () => {
    expect(args).not.toContain('-d');
    const logging = qemuArgs({ ...CONFIG, coverage: [{ start: 0x81000000, end: 0x81000010 }] });
    expect(values(logging, '-d')).toEqual(['in_asm']);
    expect(values(logging, '-dfilter')).toEqual(['0xffffffff81000000..0xffffffff8100000f']);
    expect(values(logging, '-D')).toEqual(['/tmp/lab-x/coverage.log']);
  });

  it('double the commas in every path', () => {
    const odd = qemuArgs({ ...CONFIG, dir: '/tmp/a,b', disks: [{ serial: 'k,0', path: '/c,d/e,,f' }] });
    expect(values(odd, '-chardev').map((value) => /path=([^=]*?)(,[a-z]+=|$)/.exec(value)?.[1])).toEqual([
      '/tmp/a,,b/console.log',
      '/tmp/a,,b/ready.log',
      '/tmp/a,,b/qmp.sock',
    ]);
    expect(values(odd, '-drive')).toEqual(['if=none,id=disk0,format=raw,readonly=on,file=/c,,d/e,,,,f']);
    expect(values(odd, '-device')).toContain('virtio-blk-pci,drive=disk0,serial=k,,0');
  });

  it("end with the scenario's own arguments", () => {
    expect(qemuArgs({ ...CONFIG, extra: ['-cpu', 'qemu64'] }).slice(-2)).toEqual(['-cpu', 'qemu64']);
  });
});

describe('the pasteable command', () => {
  const ODD = [
    '',
    ' ',
    'a b',
    "it's",
    '"x"',
    '$HOME',
    '`id`',
    '$(id)',
    'a\\b',
    'a\\',
    'tab\there',
    'line\nbreak',
    '*',
    '~',
    '#x',
    '!!',
    '&',
    ';',
    '|',
    '<>',
    'ünï',
    '-x',
    '--long',
    '-;id',
    "-o'x",
    '{a,b}',
    '[a]',
  ];

  /** The words that a program gets from a shell. */
  const wordsOf = (command: string) =>
    execFileSync('bash', ['-c', command], { encoding: 'utf8' }).split('\0').slice(0, -1);

  it('quotes a word so that a shell reads the same word', () => {
    expect(wordsOf(`printf '%s\\0' ${ODD.map(shellQuote).join(' ')}`)).toEqual(ODD);
  });

  it("is a script with QEMU's exact arguments, whatever they contain", () => {
    const args = qemuArgs({ ...CONFIG, cmdline: 'a="b c" $x \'y\' `z`', dir: "/tmp/it's, $HOME", extra: ODD });
    const text = pasteable('qemu-system-x86_64', args, '/tmp');
    execFileSync('bash', ['-n'], { input: text });
    expect(wordsOf(`qemu-system-x86_64() { printf '%s\\0' "$@"; }\n${text}`)).toEqual(args);
  });

  it("creates the machine's folder first, and has an option and its value on one line", () => {
    const text = pasteable('qemu-system-x86_64', ['-name', 'x', '-no-reboot', '-m', '1G'], '/tmp/a b');
    expect(text).toBe("mkdir -p '/tmp/a b'\nqemu-system-x86_64 \\\n  -name x \\\n  -no-reboot \\\n  -m 1G\n");
  });
});
