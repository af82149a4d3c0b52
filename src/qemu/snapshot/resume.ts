// SPDX-License-Identifier: Apache-2.0
// Starts a machine from what was saved. It is loaded and paused when this is done; `cont` makes it run.
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { SandboxOfResult } from '../../model/result/result.js';
import { INSTALL } from '../../sandbox/index.js';
import { deferred, within } from '../../util/deadline.js';
import { LabError, messageOf } from '../../util/errors.js';
import { asRecord, asText } from '../../util/unknown.js';
import { type MachineConfig, QMP_SOCKET, type ResumedFrom, STATE_SOCKET } from '../args.js';
import { QemuProcess } from '../process.js';
import { Qmp } from '../qmp.js';
import { SnapshotError } from './error.js';

export interface ResumeOptions {
  /** Reads the saved state, which QEMU gets from the lab. */
  readState: () => Promise<Buffer>;
  signal: AbortSignal;
  /** Milliseconds for each of: QEMU's start, the connections, the load. */
  deadline: number;
  /**
   * Connects the agents' ports that were connected when the machine was saved. QEMU has opened its sockets, and the
   * machine is still empty. A port that is not connected by now has hung up on the machine: its agent ends.
   */
  connectPorts?: (dir: string) => Promise<void>;
}

/**
 * Starts QEMU and loads the state. The monitor is free again afterwards.
 * Rejects with a SnapshotError if no machine comes out of it, and with the signal's reason; then QEMU is gone.
 */
export async function startResumed(
  config: MachineConfig & { resumed: ResumedFrom },
  options: ResumeOptions,
): Promise<QemuProcess> {
  const { signal } = options;
  signal.throwIfAborted();
  const process = await QemuProcess.start(config);
  try {
    refuseLessSandbox(process.sandbox, config.resumed);
    await load(process, config.dir, options);
    return process;
  } catch (error) {
    // A connection that broke mostly means that QEMU is ending: its own words say more.
    const ended = !signal.aborted && (await process.endedWithin(500));
    const { stderr } = await process.kill();
    signal.throwIfAborted();
    const cause: unknown = ended ? process.gone.reason : error;
    throw new SnapshotError('load', `the saved machine cannot be loaded: ${messageOf(cause)}`, {
      cause,
      hint: cause instanceof LabError ? cause.hint : null,
      detail: `${stderr.trim()}\n${process.commandLine}`.trim(),
    });
  }
}

/** Without bubblewrap, a user of its own cannot reach a file in the closed folder of the snapshots. */
function refuseLessSandbox({ user, why }: SandboxOfResult, { ramFile }: ResumedFrom): void {
  if (user === 'lab' && why?.startsWith(ramFile) === true)
    throw new LabError(`QEMU would not run as a user of its own: ${why}`, { hint: INSTALL });
}

async function load(process: QemuProcess, dir: string, options: ResumeOptions): Promise<void> {
  const { readState, deadline, connectPorts } = options;
  const signal = AbortSignal.any([options.signal, process.gone]);
  const loaded = deferred<void>();
  const monitor = await Qmp.open(join(dir, QMP_SOCKET), {
    deadline,
    signal,
    log: () => undefined,
    onEvent: ({ event, data }) => {
      const status = event === 'MIGRATION' ? asRecord(data)['status'] : null;
      if (status === 'completed') loaded.resolve();
      if (status === 'failed') loaded.reject(new LabError('QEMU did not accept the state'));
    },
  });
  let socket: Socket | null = null;
  try {
    await monitor.run('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] }, deadline);
    const limit = { ms: deadline, whose: 'host', signal } as const;
    if (connectPorts !== undefined)
      await within(connectPorts(dir), { ...limit, what: "connection to the agents' ports" });
    const state = await readState();
    socket = connect(join(dir, STATE_SOCKET));
    socket.end(state);
    // QEMU ends when it does not accept the state, perhaps before it has read all of it. Its end says more.
    socket.once('error', () => undefined);
    socket.resume();
    await within(loaded.promise, { ...limit, what: 'end of the load by QEMU' });
    const status = asRecord(await monitor.run('query-status', {}, deadline));
    if (status['status'] !== 'paused') throw new LabError(`QEMU is ${asText(status['status'])} after the load`);
  } finally {
    monitor.close();
    socket?.destroy();
  }
}
