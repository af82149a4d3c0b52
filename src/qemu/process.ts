// SPDX-License-Identifier: Apache-2.0
// One QEMU process, from start to gone. It dies with the lab: setpriv(1) gives it a parent-death signal, which SIGKILL
// of the lab raises too.
import { spawn, type ChildProcess } from 'node:child_process';
import { within } from '../util/deadline.js';
import { LabError } from '../util/errors.js';
import { qemuArgs, pasteable, type MachineConfig } from './args.js';

export const QEMU = 'qemu-system-x86_64';

export interface QemuExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Last words on standard error, at most 8 KiB. */
  stderr: string;
}

export class QemuProcess {
  /** Aborted when QEMU is gone, with a LabError that says how. Everything that waits for the machine waits with it. */
  readonly gone: AbortSignal;
  readonly exited: Promise<QemuExit>;
  private stderr = '';
  private ending = false;

  private constructor(
    private readonly child: ChildProcess,
    /** The exact command line, ready to be pasted into a shell. */
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
    // Its own process group: Ctrl-C is for the lab, which then ends the machine in order.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', QEMU, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      cwd: config.dir,
    });
    return new QemuProcess(child, pasteable(QEMU, args, config.dir));
  }

  /** setpriv turns into QEMU by exec, so this is QEMU's own process id. */
  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new LabError('QEMU could not be started', { hint: 'lab doctor --fix' });
    return pid;
  }

  /** True where QEMU ends on its own within `ms`. */
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
