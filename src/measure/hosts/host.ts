// SPDX-License-Identifier: Apache-2.0
// What a host is, for the code that measures the lab on it. It may be a folder with a Debian in it, or a machine.
import type { CommandResult } from '../../util/process/command.js';

/** Who runs the lab: root, or an unprivileged user in the group kvm. */
export const USERS = ['root', 'user'] as const;
export type HostUser = (typeof USERS)[number];

/** What a host is made of. */
export interface HostPlan {
  /** Debian release, such as `trixie`. */
  suite: string;
  /** Major version of the installed Node, or `debian` for the one of the release. */
  node: string;
  user: HostUser;
}

export interface HostCommand {
  /** Root runs it, also where another user runs the lab. */
  as?: 'root';
  /** Gets standard error in chunks. */
  onStderr?: (chunk: Buffer) => void;
}

export interface Host {
  /** The first column of the table, such as `trixie, node 22, user`. */
  readonly name: string;
  readonly plan: HostPlan;
  /** Extra options for each `lab run`, such as `--accel kvm`. */
  readonly runOptions: readonly string[];
  /** Commands of the README that run there; without it, those that the options ask for. */
  readonly readme?: readonly string[];
  /** Runs a line of shell in the checkout there. Rejects if the host itself fails. */
  run(line: string, options?: HostCommand): Promise<CommandResult>;
  /** Ends what runs there. The host's files stay. */
  close(): Promise<void>;
}

export function planName({ suite, node, user }: HostPlan): string {
  return `${suite}-node-${node}-${user}`;
}

export function isHostUser(text: string): text is HostUser {
  return USERS.some((user) => user === text);
}
