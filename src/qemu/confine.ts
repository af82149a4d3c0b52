// SPDX-License-Identifier: Apache-2.0
// What QEMU may use of the host: the files of its machine, the run's private folder, /dev/kvm, and memory for the
// machine's RAM and QEMU itself.
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import type { SandboxOfResult } from '../model/result/result.js';
import type { Needs, Sandbox, Sandboxed } from '../sandbox/index.js';
import type { ChildEnd } from '../util/process/child.js';
import type { MachineConfig } from './args.js';

/**
 * Address space besides the machine's RAM: translated code (1 GiB), libraries, a stack and an arena for each thread.
 * QEMU takes 2.5 GiB with 64 processors.
 */
const OWN_MEMORY = 8 * 2 ** 30;
/** Threads besides one for each processor: the main one, RCU, and at most 64 that read and write disks. */
const OWN_THREADS = 256;
/** A machine's console has no end, and the lab reads and releases it as it grows. */
const OWN_FILE = 64 * 2 ** 30;

export function needsOfQemu(config: MachineConfig): Needs {
  const { kernel, initrd, disks, dir, accel, cpus, extra, resumed } = config;
  const memory = config.memory + (config.modules?.bytes ?? 0);
  const named = namedFiles(extra);
  return {
    read: [
      kernel,
      initrd,
      ...disks.map(({ path }) => path),
      ...(resumed?.opening === 'read-only' ? [resumed.ramFile] : []),
    ],
    write: [dir, ...named.filter((path) => !path.startsWith('/dev/'))],
    lent: resumed?.opening === 'read-write' ? [resumed.ramFile] : [],
    devices: [...(accel === 'kvm' ? ['/dev/kvm'] : []), ...named.filter((path) => path.startsWith('/dev/'))],
    network: 'listen',
    cwd: dir,
    limits: { memory: memory + OWN_MEMORY, processes: cpus + OWN_THREADS, fileSize: memory + OWN_FILE },
  };
}

/** Files that exist and that the scenario's own arguments name: who may give such arguments may give the files. */
function namedFiles(extra: readonly string[]): string[] {
  const words = extra.flatMap((arg) => arg.split(/[,=]/)).filter((word) => /^\/[^/]/.test(word));
  return [...new Set(words)].filter((word) => existsSync(word));
}

/** bwrap reports a signal as a shell does. */
export function exitOf(end: ChildEnd, { kind }: Sandbox): ChildEnd {
  if (kind !== 'bwrap' || end.code === null || end.code <= 128) return end;
  const number = end.code - 128;
  for (const signal of Object.keys(constants.signals))
    if (isSignal(signal) && constants.signals[signal] === number) return { code: null, signal };
  return end;
}

function isSignal(name: string): name is NodeJS.Signals {
  return name in constants.signals;
}

/** What QEMU runs in, for the result. */
export function sandboxOf({ argv, sandbox }: Sandboxed, own: readonly string[]): SandboxOfResult {
  return { ...sandbox, command: argv.slice(0, argv.length - own.length) };
}
