// SPDX-License-Identifier: Apache-2.0
// Descriptors of any kind. The lab does not know what is behind them: a client makes one, and offers it to a session.
import type { Token } from './token.js';

/** Kinds that need no more than a call or two of a client. */
export const DESCRIPTOR_KINDS = [
  'eventfd',
  'pipe',
  'socket',
  'timerfd',
  'signalfd',
  'epoll',
  'inotify',
  'pidfd',
  'memfd-secret',
  'iommufd',
  'kvm-vm',
  'kvm-vcpu',
  'guest-memfd',
] as const;
export type DescriptorKind = (typeof DESCRIPTOR_KINDS)[number];

/** How a path is opened. `path` is O_PATH. */
export const PATH_ACCESSES = ['r', 'w', 'rw', 'path'] as const;
export type PathAccess = (typeof PATH_ACCESSES)[number];

export const EMPTY_MEMFD_FLAGS = ['noexec', 'exec', 'hugetlb', 'sealing'] as const;
export type EmptyMemfdFlag = (typeof EMPTY_MEMFD_FLAGS)[number];

/** Where a descriptor comes from. */
export type DescriptorSource =
  | { kind: 'call'; call: DescriptorKind }
  | { kind: 'path'; path: string; access: PathAccess }
  /** A memfd that nothing is written to. */
  | { kind: 'memfd'; size: number; flags: EmptyMemfdFlag[] }
  /**
   * The answer of an ioctl on another descriptor; with `at`, the number at that byte of the argument. The argument is
   * `bytes` (hexadecimal, then zeros) or a plain number.
   */
  | { kind: 'ioctl'; on: string; command: number; argument: { bytes: string } | { value: number }; at: number | null };

export type DescriptorAction =
  | { op: 'descriptor'; fd: string; source: DescriptorSource }
  | { op: 'preserve-fd'; fd: string; session: string; token: Token }
  /** `written`: a program writes to it before the update is judged. */
  | { op: 'retrieve-fd'; fd: string; session: string; token: Token; written: boolean }
  | { op: 'close-fd'; fd: string };

export const DESCRIPTOR_OPS = ['descriptor', 'preserve-fd', 'retrieve-fd', 'close-fd'] as const;

const OPS: ReadonlySet<string> = new Set<DescriptorAction['op']>(DESCRIPTOR_OPS);

export function isDescriptorAction<A extends { op: string }>(action: A): action is A & DescriptorAction {
  return OPS.has(action.op);
}

/** The name in a client's table, which files are in as well. */
export function nameInClient(fd: string): string {
  return `fd:${fd}`;
}

/** For people. */
export function describeSource(source: DescriptorSource): string {
  switch (source.kind) {
    case 'call':
      return source.call;
    case 'path':
      return source.path;
    case 'memfd':
      return source.flags.length === 0 ? 'memfd' : `memfd (${source.flags.join(', ')})`;
    case 'ioctl':
      return `ioctl 0x${source.command.toString(16)} on ${source.on}`;
  }
}
