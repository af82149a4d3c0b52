// SPDX-License-Identifier: Apache-2.0
// The key of a ladder: everything that decides what the machine is at its rungs. Two runs with one key do the same up
// to there. Files count by their content, and QEMU's own arguments are part of it, so that a new device changes the
// key.
import { createHash } from 'node:crypto';
import { type MachineConfig, qemuArgs } from '../qemu/args.js';
import type { QemuBuild } from './qemu-build.js';

/** Raised when ladders of older labs must not be used. */
const FORMAT = 1;

export interface LadderParts {
  /** The machine as a cold run starts it. */
  config: MachineConfig;
  /** SHA-256 of each file that it names: kernel, initramfs, disks. */
  contents: ReadonlyMap<string, string>;
  /** Of each epoch: SHA-256 of the kernel, and its command line. */
  epochs: readonly { kernel: string; cmdline: string }[];
  qemu: QemuBuild;
  /** Model of the host's processor. */
  hostCpu: string;
  /** What the lab does before the last rung; see `keyedOperations`. */
  operations: readonly object[];
  /** What else decides which requests the agents get. */
  settings?: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * 32 hexadecimal digits. What QEMU logs of the machine makes no other machine. Throws an Error if `contents` lacks a
 * file.
 */
export function ladderKey({ config, contents, ...others }: LadderParts): string {
  const content = (path: string): string => {
    const sum = contents.get(path);
    if (sum === undefined) throw new Error(`no checksum of ${path}`);
    return `sha256-${sum}`;
  };
  const args = qemuArgs({
    ...config,
    coverage: [],
    // These differ from run to run, and the machine does not see them.
    name: 'lab',
    dir: '/run',
    kernel: content(config.kernel),
    initrd: content(config.initrd),
    disks: config.disks.map(({ serial, path }) => ({ serial, path: content(path) })),
  });
  return createHash('sha256')
    .update(JSON.stringify(sorted({ format: FORMAT, args, ...others })))
    .digest('hex')
    .slice(0, 32);
}

/** Where an operation stands in the scenario, and what it should return, decide nothing in the machine. */
const LEFT_OUT = new Set(['pos', 'origin', 'index', 'errno', 'accepts']);

/** Operations as they go into a key. Faults at the jump come after the rung `jump`, so they are left out. */
export function keyedOperations(operations: readonly { op: string; at?: unknown }[]): object[] {
  return operations
    .filter(({ op, at }) => !(op === 'fault' && at === 'jump'))
    .map((operation) => Object.fromEntries(Object.entries(operation).filter(([name]) => !LEFT_OUT.has(name))));
}

/** The same value with the keys of all objects in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
