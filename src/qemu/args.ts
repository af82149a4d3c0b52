// SPDX-License-Identifier: Apache-2.0
// Builds QEMU's arguments for a machine: one small pure function per concern, with the reasons beside it.
import type { AddressRange } from '../model/result/coverage.js';
import type { NumaNode } from '../model/scenario/scenario.js';
import type { DevicePlan } from '../model/scenario/device.js';
import { hardwareArgs, splitsInterrupts, traceArgs } from './hardware.js';
import { shellQuote } from '../util/text/shell-quote.js';

export const ACCELS = ['kvm', 'tcg'] as const;
export type Accel = (typeof ACCELS)[number];

export interface DiskSpec {
  /** Shown in the machine as /sys/block/*\/serial; at most 20 characters. */
  serial: string;
  path: string;
}

/** A saved machine (qemu/snapshot/). */
export interface ResumedFrom {
  /** File of its RAM. Machines share it, and each keeps to itself what it writes. */
  ramFile: string;
  /** `read-only` needs the option `rom` of QEMU's memory-backend-file (8.2). */
  opening: 'read-only' | 'read-write';
}

export interface MachineConfig {
  name: string;
  accel: Accel;
  memory: number;
  cpus: number;
  /** NUMA nodes. Each has a memory backend of its own. */
  numa?: readonly NumaNode[];
  /** Memory modules that may be added while it runs. */
  modules?: { slots: number; bytes: number };
  /** Emulated processors count instructions. */
  icount?: boolean;
  kernel: string;
  initrd: string;
  cmdline: string;
  disks: DiskSpec[];
  /** Number of ports with an agent behind them. Without it, none. */
  agents?: number;
  /** Private folder of the run: console, readiness mark, sockets, trace. */
  dir: string;
  /** Devices that are passed through, and their IOMMU. Without it, there are none. */
  hardware?: DevicePlan;
  /** Options of the IOMMU that this QEMU needs. */
  iommuOptions?: Readonly<Record<string, string>>;
  /** What the machine is resumed from. Without it, it boots. */
  resumed?: ResumedFrom;
  /** For machines that are to be the same: seed of QEMU's own random numbers. Needs `icount` for the machine's time. */
  seed?: number;
  /** QEMU trace events to record. Without it, none. */
  trace?: readonly string[];
  /** Code of which QEMU logs what it translates. Not with a trace, which has the same file. Without it, none. */
  coverage?: readonly AddressRange[];
  extra: string[];
}

export const CONSOLE_FILE = 'console.log';
export const READY_FILE = 'ready.log';
export const COVERAGE_FILE = 'coverage.log';
export const QMP_SOCKET = 'qmp.sock';
/** QEMU takes the state of a resumed machine here. */
export const STATE_SOCKET = 'state.sock';
export const agentSocket = (number: number): string => `agent${number}.sock`;
/** Name of the virtio-serial port for the readiness mark. */
export const READY_PORT = 'lab.ready';
/** Id of the RAM backend. `info mtree` shows the machine's memory under this name. */
export const RAM_ID = 'ram';
/** Id of the backend of a NUMA node. */
const nodeRamId = (node: number): string => `${RAM_ID}${node}`;
/** Id of the backend of a memory module that was added. */
export const moduleRamId = (module: number): string => `module${module}`;
/** Whether a region of `info mtree` with this name is RAM of the machine. */
export const isRamId = (name: string): boolean => /^(?:ram\d*|module\d+)$/.test(name);

function board(config: MachineConfig): string[] {
  return [
    '-name',
    config.name,
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-machine',
    `q35,${config.numa === undefined ? `memory-backend=${RAM_ID},` : ''}usb=off,vmport=off`,
    // All vCPUs share one thread. With a thread each, and fewer host cores than threads, one spins while it waits for
    // another that does not run. A machine alone takes 6 % longer this way; two at once take a quarter less
    // (docs/matrix.md).
    '-accel',
    config.accel === 'tcg'
      ? 'tcg,thread=single'
      : config.hardware !== undefined && splitsInterrupts(config.hardware)
        ? 'kvm,kernel-irqchip=split'
        : 'kvm',
    // la57 would move vmemmap, which the leak oracle reads. `max` includes SVM, so that KVM works inside the machine
    // under TCG. With erms the kernel clears and copies pages byte by byte, which is slow on an emulated processor.
    '-cpu',
    config.accel === 'tcg' ? 'max,la57=off,erms=off' : 'host,la57=off',
    '-smp',
    String(config.cpus),
    ...clocks(config),
  ];
}

/** The date of every machine with a seed at its start. */
const FIXED_DATE = 'base=2026-01-01T00:00:00';

/**
 * With counted instructions, an instruction takes 16 ns of the machine's time, however long the host needs for it. An
 * idle machine waits in real time; its time-of-day clock follows the same time. Without this, the machine's timers go
 * on while the host does something else: a kernel that calibrates one clock by another on a busy host trusts the wrong
 * one.
 *
 * With a seed, an idle machine does not wait: real time would make two machines differ. Its clock jumps to the next
 * timer instead.
 */
function clocks({ accel, icount = false, seed }: MachineConfig): string[] {
  const counts = icount && accel === 'tcg';
  const rtc = [...(seed === undefined ? [] : [FIXED_DATE]), ...(counts ? ['clock=vm'] : [])];
  return [
    ...(counts ? ['-icount', `shift=4,sleep=${seed === undefined ? 'on' : 'off'}`] : []),
    ...(rtc.length === 0 ? [] : ['-rtc', rtc.join(',')]),
  ];
}

const QUEUED = ['virtio-serial-pci', 'virtio-blk-pci', 'virtio-net-pci'];

/**
 * Two machines with one seed get the same random numbers. Without ioeventfd, the processor that notifies a device also
 * serves it: otherwise another thread of QEMU does that as soon as the host lets it.
 */
function seeded({ seed }: MachineConfig): string[] {
  if (seed === undefined) return [];
  return ['-seed', String(seed), ...QUEUED.flatMap((device) => ['-global', `${device}.ioeventfd=off`])];
}

/**
 * RAM is a memfd, so that the lab can read and write the machine's physical memory at any time. That of a resumed
 * machine is a private mapping of a file: what it does not write to, it shares with all others.
 */
function memory(config: MachineConfig): string[] {
  const { memory: bytes, resumed, numa, modules } = config;
  const room = modules === undefined ? '' : `,slots=${modules.slots},maxmem=${bytes + modules.bytes}B`;
  if (numa !== undefined) return ['-m', `${bytes}B${room}`, ...nodes(numa)];
  const size = `id=${RAM_ID},size=${bytes}B`;
  const backend =
    resumed === undefined
      ? `memory-backend-memfd,${size},share=on`
      : `memory-backend-file,${size},mem-path=${escapeCommas(resumed.ramFile)},share=off` +
        (resumed.opening === 'read-only' ? ',readonly=on,rom=off' : '');
  return ['-m', `${bytes}B${room}`, '-object', backend];
}

/** QEMU 7.2 wants a backend for each node. */
function nodes(numa: readonly NumaNode[]): string[] {
  let firstCpu = 0;
  return numa.flatMap(({ memory: bytes, cpus }, node) => {
    const own = cpus === 0 ? '' : `,cpus=${firstCpu}-${firstCpu + cpus - 1}`;
    firstCpu += cpus;
    return [
      '-object',
      `memory-backend-memfd,id=${nodeRamId(node)},size=${bytes}B,share=on`,
      '-numa',
      `node,nodeid=${node}${own},memdev=${nodeRamId(node)}`,
    ];
  });
}

/**
 * A resumed machine waits for its state, and then for `cont`. The state names no board (snapshot/save.ts), so QEMU must
 * not look for one.
 */
function resuming({ resumed, dir }: MachineConfig): string[] {
  return resumed === undefined
    ? []
    : ['-S', '-global', 'migration.send-configuration=off', '-incoming', `unix:${dir}/${STATE_SOCKET}`];
}

/** A reset or a panic must not destroy evidence: the machine pauses, and the lab inspects it before it ends it. */
function endings(): string[] {
  return ['-no-reboot', '-action', 'shutdown=pause,panic=pause', '-device', 'pvpanic-pci'];
}

/**
 * What the machine says on its own goes to files, not sockets: the lab loses nothing that it writes before the lab
 * listens. The port of the readiness mark comes last: a kernel that has found it has found the agents' ports
 * (lab/init/init.c).
 */
function channels(config: MachineConfig): string[] {
  const file = (name: string) => escapeCommas(`${config.dir}/${name}`);
  return [
    '-chardev',
    `file,id=console,append=on,path=${file(CONSOLE_FILE)}`,
    '-serial',
    'chardev:console',
    '-device',
    'virtio-serial-pci',
    ...Array.from({ length: config.agents ?? 0 }, (_, number) => [
      '-chardev',
      `socket,id=agent${number},path=${file(agentSocket(number))},server=on,wait=off`,
      '-device',
      `virtserialport,chardev=agent${number},name=lab.agent${number}`,
    ]).flat(),
    '-chardev',
    `file,id=ready,append=on,path=${file(READY_FILE)}`,
    '-device',
    `virtserialport,chardev=ready,name=${READY_PORT}`,
    '-chardev',
    `socket,id=qmp,path=${file(QMP_SOCKET)},server=on,wait=off`,
    '-mon',
    'chardev=qmp,mode=control',
  ];
}

/**
 * init recognises the lab's network card by this address (lab/init/init.c). Locally administered; the rest spells
 * `LAB`.
 */
const LAB_MAC = '52:54:00:4c:41:42';

/**
 * Port 0: the host's kernel picks a free port, and QEMU reports it. The machine can reach only the lab (restrict=on).
 */
function network(): string[] {
  return [
    '-netdev',
    'user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22',
    '-device',
    `virtio-net-pci,netdev=net0,mac=${LAB_MAC},romfile=`,
  ];
}

/** The next kernels and their initramfs, read-only; the agent copies what it loads. */
function disks(config: MachineConfig): string[] {
  return config.disks.flatMap((disk, i) => [
    '-drive',
    `if=none,id=disk${i},format=raw,readonly=on,file=${escapeCommas(disk.path)}`,
    '-device',
    `virtio-blk-pci,drive=disk${i},serial=${escapeCommas(disk.serial)}`,
  ]);
}

/** These come before the lab's own devices, which have no fixed addresses and take the free ones. */
function hardware({ hardware: plan, iommuOptions, trace = [], dir }: MachineConfig): string[] {
  if (plan === undefined) return [];
  return [...hardwareArgs(plan, escapeCommas(dir), iommuOptions), ...traceArgs(trace, dir)];
}

function sandbox(): string[] {
  return ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'];
}

/**
 * An emulator translates code just before that runs for the first time, also before a kernel has set up anything of its
 * own. All code of a kernel lies in its last 2 GiB.
 */
function coverage({ coverage: ranges = [], dir }: MachineConfig): string[] {
  if (ranges.length === 0) return [];
  const address = (low: number) => `0xffffffff${low.toString(16).padStart(8, '0')}`;
  const filter = ranges.map(({ start, end }) => `${address(start)}..${address(end - 1)}`);
  return ['-d', 'in_asm', '-dfilter', filter.join(','), '-D', `${dir}/${COVERAGE_FILE}`];
}

export function qemuArgs(config: MachineConfig): string[] {
  return [
    ...board(config),
    ...memory(config),
    '-kernel',
    config.kernel,
    '-initrd',
    config.initrd,
    '-append',
    config.cmdline,
    ...hardware(config),
    ...channels(config),
    ...network(),
    ...disks(config),
    ...endings(),
    ...sandbox(),
    ...resuming(config),
    ...seeded(config),
    ...coverage(config),
    ...config.extra,
  ];
}

/** In QEMU's option lists, a comma in a value is doubled. */
function escapeCommas(value: string): string {
  return value.replaceAll(',', ',,');
}

/** Formats the command line for pasting: one option and its value per line. */
export function pasteable(binary: string, args: readonly string[], dir: string): string {
  const lines = [shellQuote(binary)];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    const next = args[i + 1];
    if (arg.startsWith('-') && next !== undefined && !/^-[a-z]/.test(next)) {
      lines.push(`${shellQuote(arg)} ${shellQuote(next)}`);
      i++;
    } else {
      lines.push(shellQuote(arg));
    }
  }
  return `mkdir -p ${shellQuote(dir)}\n${lines.join(' \\\n  ')}\n`;
}
