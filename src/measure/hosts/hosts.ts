// SPDX-License-Identifier: Apache-2.0
// `npm run hosts`: tries the lab on other hosts. Makes a Debian in a folder, clones the project into it, runs the
// README's commands and scenarios that need every witness there, and prints a table. A host that exists is used again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabError, messageOf, UsageError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { checkHost, emptyRow } from './check.js';
import { debianHost } from './debian.js';
import { type Host, type HostPlan, planName } from './host.js';
import { kvmHost } from './kvm.js';
import { type HostsOptions, readOptions } from './options.js';
import { complaintsOf, type HostRow, isGood, tableOf } from './row.js';

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    // The second one ends at once. The kernel removes the mounts of a host with its last process.
    if (abort.signal.aborted) process.exit(130);
    abort.abort(new Error(`${signal}: the hosts are kept, and the next start uses them again`));
  });
const say = (text: string): void => void process.stderr.write(`${text}\n`);

function open(plan: HostPlan, options: HostsOptions): Promise<Host> {
  const context = { options, signal: abort.signal, say };
  return options.kvm ? kvmHost(plan, context) : debianHost(plan, context);
}

/** A measurement changes the host's checkout and packages, so two of them take turns. */
function measureAlone(plan: HostPlan, options: HostsOptions): Promise<HostRow> {
  const onWait = () => say(`${planName(plan)}: another npm run hosts uses this host`);
  const lock = join(options.folder, `${planName(plan)}.lock`);
  return withLock(lock, { signal: abort.signal, onWait }, () => measure(plan, options));
}

/** A host that fails is a row too. Rejects on Ctrl-C, and for wrong usage. */
async function measure(plan: HostPlan, options: HostsOptions): Promise<HostRow> {
  let host: Host | null = null;
  try {
    host = await open(plan, options);
    return await checkHost(host, options, say);
  } catch (error) {
    if (abort.signal.aborted || error instanceof UsageError) throw error;
    if (error instanceof LabError && error.detail !== null) say(error.detail);
    return { ...emptyRow(planName(plan), plan), failure: messageOf(error) };
  } finally {
    await host?.close();
  }
}

const rows: HostRow[] = [];
const asJson = () => `${JSON.stringify(rows, null, 2)}\n`;

async function main(options: HostsOptions): Promise<number> {
  if (process.getuid?.() !== 0)
    throw new UsageError('hosts are made with debootstrap and chroot, which need root', { hint: 'run it with sudo' });
  for (const plan of options.plans) {
    const row = await measureAlone(plan, options);
    rows.push(row);
    for (const complaint of complaintsOf(row)) say(complaint);
    // After each host, so that an interrupted measurement keeps what it has.
    if (options.json !== null && options.json !== '-') writeFileSync(options.json, asJson());
  }
  return rows.every(isGood) ? 0 : 1;
}

/** Also what an interrupted measurement has. */
function print({ json }: HostsOptions): void {
  if (json === '-') process.stdout.write(asJson());
  else if (rows.length > 0) process.stdout.write(`${tableOf(rows)}\n`);
}

try {
  const options = readOptions(process.argv.slice(2));
  try {
    process.exitCode = await main(options);
  } finally {
    print(options);
  }
} catch (error) {
  say(`hosts: ${messageOf(error)}`);
  if (error instanceof LabError) for (const more of [error.detail, error.hint]) if (more !== null) say(more);
  process.exitCode = error instanceof UsageError ? 2 : abort.signal.aborted ? 130 : 3;
}
// Nothing that is still open may keep it alive.
process.exit();
