// SPDX-License-Identifier: Apache-2.0
// One QEMU process, from its start to its end. It dies with the lab, even if the lab gets SIGKILL.
import { within } from '../util/deadline.js';
import { LabError, messageOf } from '../util/errors.js';
import { type Child, type ChildEnd, startChild } from '../util/process/child.js';
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
    private readonly child: Child,
    /** The exact command line, ready to paste into a shell. */
    readonly commandLine: string,
  ) {
    const controller = new AbortController();
    this.gone = controller.signal;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString('utf8')).slice(-8192);
    });
    const end = ({ code, signal }: ChildEnd, why: string): QemuExit => {
      controller.abort(new LabError(why, { detail: this.stderr.trim() || null }));
      return { code, signal, stderr: this.stderr };
    };
    this.exited = child.ended.then(
      (how) =>
        end(
          how,
          this.ending
            ? 'QEMU was ended by the lab'
            : `QEMU ended on its own (${how.signal ?? `exit status ${how.code}`})`,
        ),
      (error: unknown) => end({ code: null, signal: null }, `QEMU could not be started: ${messageOf(error)}`),
    );
  }

  static start(config: MachineConfig): QemuProcess {
    const args = qemuArgs(config);
    // It has its own process group, so that Ctrl-C reaches only the lab, which then ends the machine in order.
    const child = startChild([QEMU, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      tie: 'dies-with-lab',
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
