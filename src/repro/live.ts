// SPDX-License-Identifier: Apache-2.0
// Machines of the lab that run now, read only and without their monitor: that is in use by the lab that started them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { MachineMemory, q35Ranges } from '../qemu/memory.js';
import { QEMU } from '../qemu/process.js';
import { UsageError } from '../util/errors.js';
import type { Memory } from './dump.js';

export interface LiveMachine {
  /** As its run is called. */
  name: string;
  pid: number;
  /** Bytes of RAM. */
  memory: number;
  /** Paths of the kernels that it has, the first one first. */
  kernels: string[];
}

const MOST_CMDLINE = 1 << 20;

/** All machines of the lab on this host that this user may see. */
export function liveMachines(): LiveMachine[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (basename(readlinkSync(`/proc/${pid}/exe`)) !== QEMU) return [];
        return liveMachine(
          Number(pid),
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').slice(0, MOST_CMDLINE).split('\0'),
        );
      } catch {
        return []; // Gone, or somebody else's.
      }
    });
}

/** What QEMU's arguments say (qemu/args.ts); none where it is no machine of the lab. */
export function liveMachine(pid: number, argv: readonly string[]): LiveMachine[] {
  const after = (option: string) => argv[argv.indexOf(option) + 1] ?? '';
  const name = /^lab-(.+)$/.exec(argv.includes('-name') ? after('-name') : '')?.[1];
  const memory = /^(\d+)B$/.exec(argv.includes('-m') ? after('-m') : '')?.[1];
  if (name === undefined || memory === undefined) return [];
  const disks = argv.flatMap(
    (arg) => /^if=none,id=disk\d+,.*,file=(.+\/bzImage)$/.exec(arg)?.[1]?.replaceAll(',,', ',') ?? [],
  );
  return [{ name, pid, memory: Number(memory), kernels: [after('-kernel'), ...disks] }];
}

/** The machine that a word means; the only one without a word. Throws a UsageError that names those there are. */
export function chooseMachine(machines: readonly LiveMachine[], word: string | null): LiveMachine {
  const meant = machines.filter(({ name, pid }) => word === null || name.includes(word) || String(pid) === word);
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only;
  const there = (meant.length > 0 ? meant : machines).map(({ name, pid }) => `${name} (${pid})`).join(', ');
  if (machines.length === 0)
    throw new UsageError('no machine of the lab runs on this host', { hint: 'lab run SCENARIO.yaml --keep' });
  throw new UsageError(
    meant.length > 1 ? `${meant.length} machines are meant: ${there}` : `no machine ${word} runs: ${there} do`,
    { hint: 'lab dump --live NAME' },
  );
}

/** Its memory, as it is while it runs. `close` when done. */
export function openLive({ pid, memory: size }: LiveMachine): Memory & { close: () => void } {
  const memory = MachineMemory.openRanges(pid, q35Ranges(size));
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
