// SPDX-License-Identifier: Apache-2.0
// One QEMU process, from its start to its end. It dies with the lab, even if the lab gets SIGKILL: setpriv(1) gives it
// a parent-death signal.
import { spawn, type ChildProcess } from 'node:child_process';
import { within } from '../util/deadline.js';
import { LabError } from '../util/errors.js';
import { qemuArgs, pasteable, type MachineConfig } from './args.js';

export const QEMU = 'qemu-system-x86_64';

export interface QemuExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The end of standard error, at most 8 KiB. */
  stderr: string;
}

export class QemuProcess {
  /** Aborted when QEMU is gone, with a LabError that tells how. Everything that waits for the machine uses it. */
  readonly gone: AbortSignal;
  readonly exited: Promise<QemuExit>;
  private stderr = '';
  private ending = false;

  private constructor(
    private readonly child: ChildProcess,
    /** The exact command line, ready to paste into a shell. */
    readonly commandLine: string,
  ) {
    const controller = new AbortController();
    this.gone = controller.signal;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString('utf8')).slice(-8192);
    });
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null, why: string) => {
        resolve({ code, signal, stderr: this.stderr });
        controller.abort(new LabError(why, { detail: this.stderr.trim() || null }));
      };
      child.once('error', (error) => end(null, null, `QEMU could not be started: ${error.message}`));
      child.once('close', (code, signal) =>
        end(
          code,
          signal,
          this.ending ? 'QEMU was ended by the lab' : `QEMU ended on its own (${signal ?? `exit status ${code}`})`,
        ),
      );
    });
  }

  static start(config: MachineConfig): QemuProcess {
    const args = qemuArgs(config);
    // It gets its own process group, so that Ctrl-C reaches only the lab, which then ends the machine in order.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', QEMU, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      cwd: config.dir,
    });
    return new QemuProcess(child, pasteable(QEMU, args, config.dir));
  }

  /** setpriv becomes QEMU by exec, so this is QEMU's own process id. */
  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new LabError('QEMU could not be started', { hint: 'lab doctor --fix' });
    return pid;
  }

  /** Resolves with true if QEMU ends by itself within `ms`. */
  async endedWithin(ms: number): Promise<boolean> {
    await within(this.exited, { ms, what: 'end of QEMU', whose: 'host' }).catch(() => undefined);
    return this.gone.aborted;
  }

  /** Ends the machine at once and waits until it is gone. */
  async kill(): Promise<QemuExit> {
    this.ending = true;
    this.child.kill('SIGKILL');
    return this.exited;
  }
}
