// SPDX-License-Identifier: Apache-2.0
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseIdentity } from '../../src/sandbox/identity.js';
import { sandboxArgv, type Start } from '../../src/sandbox/argv.js';
import { seccompFilter } from '../../src/sandbox/seccomp.js';
import type { Needs, Sandbox } from '../../src/sandbox/types.js';
import { temporaryFolder } from '../util/temporary.js';

const NEEDS: Needs = {
  read: ['/root/cache/k/bzImage', '/tmp/run/inside', '/usr/share/x'],
  write: ['/tmp/run'],
  devices: ['/dev/kvm'],
  network: 'listen',
  cwd: '/tmp/run',
  limits: { memory: 100, processes: 10, fileSize: 1000 },
};
const START: Start = {
  system: [
    { path: '/usr', link: null },
    { path: '/lib', link: 'usr/lib' },
  ],
  identity: { uid: 5, gid: 6, groups: [7] },
  root: true,
  seccomp: '/tmp/run/seccomp.bpf',
  told: true,
};
const sandbox = (kind: Sandbox['kind']): Sandbox => ({ kind, user: 'own', why: null });
const text = (kind: Sandbox['kind'], start: Partial<Start> = {}, needs: Partial<Needs> = {}) =>
  sandboxArgv(sandbox(kind), { ...NEEDS, ...needs }, { ...START, ...start }, ['qemu', '-x']).join(' ');

describe('bubblewrap', () => {
  it('binds what is needed, each file once, and what may only be read even inside a writable folder', () => {
    expect(text('bwrap')).toContain(
      '--ro-bind /usr /usr --symlink usr/lib /lib ' +
        '--ro-bind /root/cache/k/bzImage /root/cache/k/bzImage --bind /tmp/run /tmp/run ' +
        '--ro-bind /tmp/run/inside /tmp/run/inside',
    );
    expect(text('bwrap')).not.toMatch(/--(ro-)?bind \S*share/);
  });

  it('binds what it lends for writing, and gives it to nobody', () => {
    const lent = join(temporaryFolder(), 'ram');
    writeFileSync(lent, '');
    expect(text('bwrap', {}, { lent: [lent] })).toContain(`--bind ${lent} ${lent}`);
    const needs = { ...NEEDS, read: [], devices: [], lent: [lent] };
    chmodSync(lent, 0o644);
    expect(chooseIdentity(needs, 'binds')).toMatchObject({ identity: null, why: expect.stringContaining(lent) });
    chmodSync(lent, 0o666);
    expect(chooseIdentity(needs, 'binds').identity).not.toBeNull();
  });

  it('creates the folders above, so that every user may pass', () =>
    expect(text('bwrap')).toContain(
      '--dir /dev --dir /root --dir /root/cache --dir /root/cache/k --dir /tmp --dir /tmp/run --ro-bind',
    ));

  it('gives up root, its groups and all rights inside', () =>
    expect(text('bwrap')).toContain(
      ' -- setpriv --reuid 5 --regid 6 --groups 7 --inh-caps=-all --bounding-set=-all --no-new-privs ' +
        '--pdeathsig KILL -- ',
    ));

  it('drops all rights itself when the user stays', () => {
    expect(text('bwrap', { identity: null })).toContain('--cap-drop ALL');
    expect(text('bwrap', { identity: null })).not.toContain('--reuid');
  });

  it('has a network of its own on demand', () => {
    expect(text('bwrap')).not.toContain('--unshare-net');
    expect(text('bwrap', {}, { network: 'none' })).toContain('--unshare-net');
  });

  it('hides the folder for temporary files before it binds what lies in there', () =>
    expect(text('bwrap', {}, { proc: true })).toMatch(/--tmpfs \/tmp .*--bind \/tmp\/run/));
});

describe('setpriv', () => {
  it('sets limits, and ends with the program', () =>
    expect(text('setpriv')).toMatch(
      /^setpriv --reuid 5 .* -- prlimit --as=100 --nproc=10 --fsize=1000 --core=0 env --ignore-signal=XFSZ qemu -x$/,
    ));

  it('leaves the bounding set to those who may change it', () =>
    expect(text('setpriv', { identity: null, root: false })).toMatch(/^setpriv --inh-caps=-all --no-new-privs /));
});

it('without a sandbox, the command stays as it is', () => expect(text('none')).toBe('qemu -x'));

/** Runs the filter as the kernel does: enough of classic BPF. */
function verdict(arch: 'x64' | 'arm64', nr: number, args: number[] = []): number {
  const program = seccompFilter(arch) ?? Buffer.alloc(0);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(nr, 0);
  data.writeUInt32LE(arch === 'x64' ? 0xc000003e : 0xc00000b7, 4);
  args.forEach((arg, index) => data.writeUInt32LE(arg >>> 0, 16 + 8 * index));
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const [code, k] = [program.readUInt16LE(at * 8), program.readUInt32LE(at * 8 + 4)];
    const [yes, no] = [program.readUInt8(at * 8 + 2), program.readUInt8(at * 8 + 3)];
    const jump = (good: boolean) => void (at += good ? yes : no);
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x15) jump(accumulator === k);
    else if (code === 0x35) jump(accumulator >= k);
    else if (code === 0x45) jump((accumulator & k) !== 0);
    else if (code === 0x54) accumulator &= k;
    else if (code === 0x06) return k;
    else throw new Error(`no such instruction: ${code}`);
  }
  throw new Error('the filter has no end');
}

describe('the filter of system calls', () => {
  const ALLOW = 0x7fff0000;
  const refused = (code: number) => 0x00050000 | code;

  it.each([
    ['read', 0, [], ALLOW],
    ['connect', 42, [], refused(1)],
    ['socket, unix stream', 41, [1, 1], ALLOW],
    ['socket, stream that does not block', 41, [2, 0x801], ALLOW],
    ['socket, datagram', 41, [2, 2], refused(1)],
    ['socket, netlink', 41, [16, 3], refused(1)],
    ['socket, IPv6 stream', 41, [10, 1], ALLOW],
    ['clone of a thread', 56, [0x3d0f00], ALLOW],
    ['clone of a user namespace', 56, [0x10000011], refused(1)],
    ['clone3', 435, [], refused(38)],
    ['unshare', 272, [0], refused(1)],
    ['sendmsg', 46, [3, 0, 0x4000], ALLOW],
    ['sendmsg that connects', 46, [3, 0, 0x20000000], refused(1)],
    ['ioctl', 16, [0, 0xae01], ALLOW],
    ['ioctl that types', 16, [0, 0x5412], refused(1)],
    ['a call of the x32 ABI', 0x40000000, [], refused(38)],
  ])('%s', (_, nr, args, expected) => expect(verdict('x64', nr, args)).toBe(expected));

  it('knows the numbers of both processors', () => {
    expect(verdict('arm64', 203)).toBe(refused(1));
    expect(verdict('arm64', 42)).toBe(ALLOW);
    expect(seccompFilter('riscv64')).toBeNull();
  });
});
