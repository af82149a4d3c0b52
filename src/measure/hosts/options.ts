// SPDX-License-Identifier: Apache-2.0
// The arguments of `npm run hosts`.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { UsageError } from '../../util/errors.js';
import { type HostPlan, isHostUser } from './host.js';
import { SCENARIOS } from './scenarios.js';

export interface HostsOptions {
  /** Holds all hosts. */
  folder: string;
  plans: readonly HostPlan[];
  /** Paths below `scenarios/`. */
  scenarios: readonly string[];
  /** `first`: npm ci and the first update. `both`: all tests too. */
  readme: 'first' | 'both';
  /** Start with an empty cache, so that kernels are built there. */
  cold: boolean;
  /** Remove the named hosts first. */
  fresh: boolean;
  /** Run on KVM inside an emulated host. */
  kvm: boolean;
  /** Write the rows to this file; `-` for standard output. */
  json: string | null;
}

interface Raw {
  folder: string;
  suites?: string;
  node: string;
  users?: string;
  scenarios: string;
  readme: string;
  cold: boolean;
  fresh: boolean;
  kvm: boolean;
  json?: string;
}

const defaultFolder = (): string =>
  process.env['LAB_HOSTS'] ? resolve(process.env['LAB_HOSTS']) : join(homedir(), '.cache', 'liveupdate-lab-hosts');

/** @param args without the program's name */
export function readOptions(args: readonly string[]): HostsOptions {
  const command = new Command('hosts')
    .description('tries the lab on Debian hosts that it makes in folders; needs root and debootstrap')
    .option('--folder <folder>', 'where the hosts are; LAB_HOSTS is another way to say it', defaultFolder())
    .option('--suites <names>', 'Debian releases, separated by commas (default: all three; with --kvm, trixie)')
    .option('--node <versions>', 'installed Node of each host in turn: major versions, or debian', '20,22,24,26')
    .option('--users <who>', 'who runs the lab: user, root, or both (default: both; with --kvm, user)')
    .option('--scenarios <paths>', 'below scenarios/, separated by commas', SCENARIOS.join(','))
    .option('--readme <which>', 'README commands to run: first or both', 'both')
    .option('--cold', 'start with an empty cache, so that kernels are built', false)
    .option('--fresh', 'make the hosts again', false)
    .option('--kvm', 'on KVM, inside an emulated host', false)
    .option('--json <file>', 'also write the rows to a file; - for standard output instead of the table');
  const raw = command.parse([...args], { from: 'user' }).opts<Raw>();
  const { cold, fresh, kvm } = raw;
  // An emulated host takes long: one is enough.
  const suites = raw.suites ?? (kvm ? 'trixie' : 'bookworm,trixie,forky');
  const users = raw.users ?? (kvm ? 'user' : 'user,root');
  return {
    folder: resolve(raw.folder),
    plans: plansOf(listed(suites), listed(raw.node), listed(users)),
    scenarios: listed(raw.scenarios),
    readme: oneOf(raw.readme),
    cold,
    fresh,
    kvm,
    json: raw.json ?? null,
  };
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** Every suite with every user. The versions of Node take turns, so a list of one holds for all hosts. */
export function plansOf(suites: readonly string[], nodes: readonly string[], users: readonly string[]): HostPlan[] {
  const bad = [
    ...suites.filter((suite) => !/^[a-z]{2,20}$/.test(suite)).map((suite) => `suite ${suite}`),
    ...nodes.filter((node) => !/^(\d\d|debian)$/.test(node)).map((node) => `node ${node}`),
    ...users.filter((user) => !isHostUser(user)).map((user) => `user ${user}`),
  ];
  if (bad.length > 0)
    throw new UsageError(`not understood: ${bad.join(', ')}`, {
      hint: 'for example: --suites bookworm,trixie --node 20,debian --users root,user',
    });
  if (suites.length === 0 || nodes.length === 0 || users.length === 0)
    throw new UsageError('name at least one suite, one Node and one user');
  return suites
    .flatMap((suite) => users.filter(isHostUser).map((user) => ({ suite, user })))
    .map(({ suite, user }, turn) => ({ suite, user, node: nodes[turn % nodes.length] ?? '' }));
}

function oneOf(readme: string): HostsOptions['readme'] {
  if (readme === 'first' || readme === 'both') return readme;
  throw new UsageError(`--readme ${readme}: expected first or both`);
}
