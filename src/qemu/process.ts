// SPDX-License-Identifier: Apache-2.0
// One QEMU process, from its start to its end. It dies with the lab, even if the lab gets SIGKILL.
import type { SandboxOfResult } from '../model/result/result.js';
import { within } from '../util/deadline.js';
import { LabError, messageOf } from '../util/errors.js';
import type { ChildEnd } from '../util/process/child.js';
import { hostSandbox, type Sandboxed, startSandboxed } from '../sandbox/index.js';
import { qemuArgs, pasteable, type MachineConfig } from './args.js';
import { exitOf, needsOfQemu, sandboxOf } from './confine.js';

export const QEMU = 'qemu-system-x86_64';

const RESUMED_NOTE =
  '# The machine of this run started from a snapshot, which only the lab can load. This boots the same one.\n';

export interface QemuExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The end of standard error, at most 8 KiB. */
  stderr: string;
}

/** A command that starts the same machine in a shell, without the lab. */
export function commandLineOf({ resumed, ...booting }: MachineConfig): string {
  return `${resumed === undefined ? '' : RESUMED_NOTE}${pasteable(QEMU, qemuArgs(booting), booting.dir)}`;
}

export class QemuProcess {
  /** Aborted when QEMU is gone, with a LabError that tells how. Everything that waits for the machine uses it. */
  readonly gone: AbortSignal;
  readonly exited: Promise<QemuExit>;
  private stderr = '';
  private ending = false;

  private constructor(
    private readonly started: Sandboxed,
    /** What it runs in. */
    readonly sandbox: SandboxOfResult,
    /** QEMU's own command line, ready to paste into a shell. That of a resumed machine boots. */
    readonly commandLine: string,
  ) {
    const controller = new AbortController();
    this.gone = controller.signal;
    const { child } = started;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString('utf8')).slice(-8192);
    });
    const end = ({ code, signal }: ChildEnd, why: string): QemuExit => {
      controller.abort(new LabError(why, { detail: this.stderr.trim() || null }));
      return { code, signal, stderr: this.stderr };
    };
    this.exited = child.ended.then(
      (ended) => {
        const how = exitOf(ended, started.sandbox);
        return end(
          how,
          this.ending
            ? 'QEMU was ended by the lab'
            : `QEMU ended on its own (${how.signal ?? `exit status ${how.code}`})`,
        );
      },
      (error: unknown) => end({ code: null, signal: null }, `QEMU could not be started: ${messageOf(error)}`),
    );
  }

  /** Starts QEMU in the host's sandbox. Resolves when its process is there, or could not be started. */
  static async start(config: MachineConfig): Promise<QemuProcess> {
    const args = qemuArgs(config);
    // It has its own process group, so that Ctrl-C reaches only the lab, which then ends the machine in order.
    const own = [QEMU, ...args];
    const started = await startSandboxed(await hostSandbox(), needsOfQemu(config), own, {
      dir: config.dir,
      stdout: 'ignore',
      // The lab's environment may hold secrets.
      env: { PATH: process.env['PATH'], LC_ALL: 'C', HOME: config.dir, TMPDIR: config.dir },
    });
    return new QemuProcess(started, sandboxOf(started, own), commandLineOf(config));
  }

  /** QEMU's own process id. */
  get pid(): number {
    const { pid } = this.started;
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
    this.started.child.kill('SIGKILL');
    return this.exited;
  }
}
