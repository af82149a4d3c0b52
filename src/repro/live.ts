// SPDX-License-Identifier: Apache-2.0
// Running machines of the lab. They are only read, and without their monitor, which the lab that started them uses.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { MachineMemory, q35Ranges } from '../qemu/memory.js';
import { PrivateMemory } from '../qemu/snapshot/private-memory.js';
import { QEMU } from '../qemu/process.js';
import { UsageError } from '../util/errors.js';
import type { Memory } from './dump.js';

export interface LiveMachine {
  /** The name of its run. */
  name: string;
  pid: number;
  /** Bytes of RAM. */
  memory: number;
  /** Paths of its kernels; the one that boots first comes first. */
  kernels: string[];
  /** File of its RAM, which the machine has mapped privately; null for a memfd. */
  ramFile: string | null;
}

const MAX_CMDLINE_BYTES = 1 << 20;

/** All machines of the lab on this host that this user may inspect. */
export function liveMachines(): LiveMachine[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (basename(readlinkSync(`/proc/${pid}/exe`)) !== QEMU) return [];
        return liveMachine(
          Number(pid),
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').slice(0, MAX_CMDLINE_BYTES).split('\0'),
        );
      } catch {
        return []; // The process has ended, or belongs to another user.
      }
    });
}

/** Reads QEMU's arguments (qemu/args.ts); empty if the process is not a machine of the lab. */
export function liveMachine(pid: number, argv: readonly string[]): LiveMachine[] {
  const after = (option: string) => argv[argv.indexOf(option) + 1] ?? '';
  const name = /^lab-(.+)$/.exec(argv.includes('-name') ? after('-name') : '')?.[1];
  const memory = /^(\d+)B$/.exec(argv.includes('-m') ? after('-m') : '')?.[1];
  // Memory of several backends, or that grew, is found only with the monitor.
  if (name === undefined || memory === undefined || argv.includes('-numa')) return [];
  const backend = /^memory-backend-file,.*\bmem-path=((?:[^,]|,,)+)/.exec(
    argv.includes('-object') ? after('-object') : '',
  );
  const disks = argv.flatMap(
    (arg) => /^if=none,id=disk\d+,.*,file=(.+\/bzImage)$/.exec(arg)?.[1]?.replaceAll(',,', ',') ?? [],
  );
  const ramFile = backend?.[1]?.replaceAll(',,', ',') ?? null;
  return [{ name, pid, memory: Number(memory), kernels: [after('-kernel'), ...disks], ramFile }];
}

/**
 * The machine that `word` names: by a part of its name, or its process id. Null names the only one. Throws a UsageError
 * that lists the machines.
 */
export function chooseMachine(machines: readonly LiveMachine[], word: string | null): LiveMachine {
  const matches = machines.filter(({ name, pid }) => word === null || name.includes(word) || String(pid) === word);
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  const listed = (matches.length > 0 ? matches : machines).map(({ name, pid }) => `${name} (${pid})`).join(', ');
  if (machines.length === 0)
    throw new UsageError('no machine of the lab runs on this host', { hint: 'lab run SCENARIO.yaml --keep' });
  throw new UsageError(
    matches.length > 1 ? `${matches.length} machines match: ${listed}` : `no machine ${word} runs; running: ${listed}`,
    { hint: 'lab dump --live NAME' },
  );
}

/** Opens its memory, which changes while the machine runs. Call `close` when done. */
export function openLive({ pid, memory: size, ramFile }: LiveMachine): Memory & { close: () => void } {
  const ranges = q35Ranges(size);
  const memory =
    ramFile === null
      ? MachineMemory.openRanges(pid, ranges)
      : PrivateMemory.openRanges(pid, { ramFile, ranges, flags: 'r' });
  const chunk = Buffer.alloc(4 << 20);
  return {
    read: (phys, into) => memory.read(phys, into),
    *pages() {
      for (const { start, end } of memory.ranges) {
        for (let at = start; at < end; at += chunk.length) {
          const bytes = chunk.subarray(0, Math.min(chunk.length, end - at));
          if (!memory.read(at, bytes)) continue;
          for (let page = 0; page < bytes.length; page += 4096)
            yield { phys: at + page, bytes: bytes.subarray(page, page + 4096) };
        }
      }
    },
    close: () => memory.close(),
  };
}
