// SPDX-License-Identifier: Apache-2.0
// The filter of system calls for sandboxed programs, as classic BPF (Documentation/userspace-api/seccomp_filter.rst).
// It refuses what opens a way out: connections, new namespaces, mounts, other processes' memory, kernel modules. QEMU's
// own filter (-sandbox) comes on top.

type Arch = 'x64' | 'arm64';

const EPERM = 1;
const ENOSYS = 38;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (code: number) => 0x00050000 | code;

/** Offsets in struct seccomp_data. */
const NR = 0;
const ARCH = 4;
const argument = (index: number) => 16 + 8 * index;

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_NOT_BELOW = 0x35;
const JUMP_ANY_BIT = 0x45;
const AND = 0x54;
const RETURN = 0x06;

const AUDIT_ARCH: Readonly<Record<Arch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** On x86, numbers from here on are the x32 ABI, which this filter does not know. */
const X32 = 0x40000000;

/** Numbers by name: x86-64, arm64 (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
// prettier-ignore: a table
const REFUSED: Readonly<Record<string, readonly [x64: number, arm64: number]>> = {
  connect: [42, 203],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  pidfd_getfd: [438, 438],
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  quotactl: [179, 60],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  acct: [163, 89],
  syslog: [103, 116],
};

/** The C library and QEMU do without these when the kernel does not have them. */
const MISSING: Readonly<Record<string, readonly [x64: number, arm64: number]>> = {
  // Its flags lie in memory, where no filter can read them. The C library then uses clone().
  clone3: [435, 435],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
};

const CLONE: readonly [number, number] = [56, 220];
/** CLONE_NEW* of every namespace. */
const NEW_NAMESPACES = 0x7e020000;
const SOCKET: readonly [number, number] = [41, 198];
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_TYPE_MASK = 0xf;
/** Calls that can connect a TCP socket on their own, and which argument has the flags. */
const SENDING: readonly { numbers: readonly [number, number]; flags: number }[] = [
  { numbers: [44, 206], flags: 3 },
  { numbers: [46, 211], flags: 2 },
  { numbers: [307, 269], flags: 3 },
];
const MSG_FASTOPEN = 0x20000000;
const IOCTL: readonly [number, number] = [16, 29];
/** Types characters into a terminal. */
const TIOCSTI = 0x5412;

interface Instruction {
  code: number;
  jt?: number;
  jf?: number;
  k: number;
}

const load = (k: number): Instruction => ({ code: LOAD, k });
const give = (k: number): Instruction => ({ code: RETURN, k });

/** If the call is this one, `body` decides; it must return on every path. */
function rule(nr: number, body: readonly Instruction[]): Instruction[] {
  return [load(NR), { code: JUMP_EQUAL, jt: 0, jf: body.length, k: nr }, ...body];
}

/** Refuses if any bit of the mask is set in an argument. */
function refuseBits(index: number, mask: number): Instruction[] {
  return [load(argument(index)), { code: JUMP_ANY_BIT, jt: 0, jf: 1, k: mask }, give(errno(EPERM)), give(ALLOW)];
}

/** Stream sockets of three families: enough to listen. A datagram could be sent without connect(). */
function socketRule(): Instruction[] {
  return [
    load(argument(0)),
    { code: JUMP_EQUAL, jt: 2, jf: 0, k: AF_UNIX },
    { code: JUMP_EQUAL, jt: 1, jf: 0, k: AF_INET },
    { code: JUMP_EQUAL, jt: 0, jf: 3, k: AF_INET6 },
    load(argument(1)),
    { code: AND, k: SOCK_TYPE_MASK },
    { code: JUMP_EQUAL, jt: 1, jf: 0, k: SOCK_STREAM },
    give(errno(EPERM)),
    give(ALLOW),
  ];
}

/** Returns the filter for this architecture as bwrap's --seccomp reads it; null for one without a table. */
export function seccompFilter(arch: string): Buffer | null {
  if (arch !== 'x64' && arch !== 'arm64') return null;
  const column = arch === 'x64' ? 0 : 1;
  const program: Instruction[] = [
    load(ARCH),
    { code: JUMP_EQUAL, jt: 1, jf: 0, k: AUDIT_ARCH[arch] },
    give(KILL),
    load(NR),
    ...(arch === 'x64' ? [{ code: JUMP_NOT_BELOW, jt: 0, jf: 1, k: X32 }, give(errno(ENOSYS))] : []),
    ...Object.values(REFUSED).flatMap((numbers) => rule(numbers[column], [give(errno(EPERM))])),
    ...Object.values(MISSING).flatMap((numbers) => rule(numbers[column], [give(errno(ENOSYS))])),
    ...rule(CLONE[column], refuseBits(0, NEW_NAMESPACES)),
    ...rule(SOCKET[column], socketRule()),
    ...SENDING.flatMap(({ numbers, flags }) => rule(numbers[column], refuseBits(flags, MSG_FASTOPEN))),
    ...rule(IOCTL[column], [
      load(argument(1)),
      { code: JUMP_EQUAL, jt: 0, jf: 1, k: TIOCSTI },
      give(errno(EPERM)),
      give(ALLOW),
    ]),
    give(ALLOW),
  ];
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, jt = 0, jf = 0, k }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  });
  return bytes;
}
