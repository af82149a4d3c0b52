// SPDX-License-Identifier: Apache-2.0
// The witness `taint`: whether a kernel of the run marked itself as damaged. It reads the console, and from outside the
// `tainted_mask`: before anything is handed over, until the jump, on arrival and at the end.
import type { Finding } from '../../console/index.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { Incident } from '../../model/result/incident.js';
import type { TaintOfResult } from '../../model/result/result.js';
import type { TaintName } from '../../model/result/taint.js';
import { bitsOf, knownOnArrival, maskText } from '../../oracles/taint.js';
import type { HostKind } from '../../qemu/host-time.js';
import type { RunPlan } from '../engine/plan.js';
import type { Machine } from '../machine/machine.js';
import type { Recorder } from '../engine/recorder.js';
import { disagreements } from './lies.js';
import { TaintPlace } from './place.js';

/** Milliseconds between two looks during the kexec. */
const LEAVING_EVERY = 10;

/** What is known of one kernel of the run. */
export interface KernelTaint {
  /** Null where the mask was not found. */
  place: TaintPlace | null;
  /** Bits that do not count as damage in this run. */
  known: bigint;
  /** All bits that were ever seen. */
  seen: bigint;
  looks: number;
  /** Number of findings of the run at the last look. */
  findings: number;
}

type Watched = Pick<Machine, 'registers' | 'memory' | 'readConsole' | 'findings' | 'ended'>;

export class TaintWatch {
  private readonly kernels = new Map<number, KernelTaint>();
  /** Titles of what the first kernel reported before anything was handed over. */
  private readonly before = new Set<string>();
  private readonly flags = new Set<string>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly plan: Pick<RunPlan, 'scenario' | 'kernels' | 'accel'>,
    private readonly recorder: Recorder,
    private readonly host: HostKind = 'real',
  ) {}

  /**
   * A stall is a matter of time. An emulated machine depends on a host that may be busy, and so does KVM on a host that
   * is itself a virtual machine: nobody there sees how long it did not run.
   */
  private get timeIsItsOwn(): boolean {
    return this.plan.accel === 'kvm' && this.host === 'real';
  }

  /** What a console finding implies in this run. */
  implication({ implies, taint, title, epoch }: Finding): Outcome | null {
    if (implies !== 'tainted' || taint === null) return implies;
    const arrived = this.kernels.has(epoch);
    if (epoch === 0 && !arrived) this.before.add(title);
    const old = !arrived && (epoch === 0 || (this.isFirstKernel(epoch) && this.before.has(title)));
    if (old || this.declared(taint) || (taint === 'stall' && !this.timeIsItsOwn)) return null;
    this.flags.add(taint);
    return implies;
  }

  /** The running kernel is up: finds its mask and takes the first look. Every later judgement needs these looks. */
  async arrived(machine: Watched): Promise<void> {
    const { epoch, witnesses } = this.recorder;
    const image = this.plan.kernels[epoch];
    machine.readConsole();
    witnesses.require('taint', epoch);
    const registers = await machine.registers();
    const place =
      image === undefined || registers === null
        ? { why: 'no processor shows where its page tables are', hint: null }
        : TaintPlace.find(machine.memory, registers, image);
    const kernel: KernelTaint = { place: null, known: 0n, seen: 0n, looks: 0, findings: 0 };
    if (place instanceof TaintPlace) kernel.place = place;
    else witnesses.blind('taint', epoch, place.why, place.hint);
    const mask = kernel.place?.read() ?? 0n;
    kernel.known =
      epoch === 0 ? mask : knownOnArrival(this.kernels.get(0)?.known ?? 0n, { sameKernel: this.isFirstKernel(epoch) });
    this.take(kernel, epoch, mask, 'on arrival');
    this.kernels.set(epoch, kernel);
    this.look(machine, 'on arrival');
  }

  /** Looks at the running kernel. */
  look(machine: Watched, when: string): void {
    const { epoch, witnesses } = this.recorder;
    const kernel = this.kernels.get(epoch);
    if (kernel?.place == null) return;
    machine.readConsole();
    const mask = kernel.place.read();
    if (mask === null) {
      // A machine that was reset has no kernel; the reset itself is judged elsewhere.
      if (!machine.ended.aborted)
        witnesses.blind('taint', epoch, `the kernel was no longer where it was found (${when})`);
      return;
    }
    kernel.looks += 1;
    kernel.findings = machine.findings.length;
    witnesses.looked('taint', epoch, 1);
    this.recorder.event({
      kind: 'oracle',
      oracle: `taint ${when}`,
      side: 'outside',
      ok: (mask & ~kernel.known) === 0n,
      detail: maskText(mask),
    });
    this.take(kernel, epoch, mask, when);
  }

  /** The kexec begins: looks at the kernel repeatedly until it is gone, as its console may be quiet. */
  leaves(machine: Watched): void {
    const { epoch } = this.recorder;
    const kernel = this.kernels.get(epoch);
    this.look(machine, 'before the kexec');
    this.stays();
    const { place } = kernel ?? {};
    if (kernel === undefined || place == null) return;
    this.timer = setInterval(() => {
      const mask = place.readLeaving();
      if (mask === null) this.stays();
      else this.take(kernel, epoch, mask, 'while it left');
    }, LEAVING_EVERY).unref();
  }

  /** The kernel is gone, or the kexec did not happen. */
  stays(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  get leaving(): boolean {
    return this.timer !== null;
  }

  /** At the end of the run. The memory of a machine that has ended can still be read. */
  conclude(machine: Watched): void {
    this.stays();
    this.look(machine, 'at the end');
    for (const [epoch, { place, seen, known, findings }] of this.kernels) {
      if (place === null) continue;
      for (const { name, detail } of disagreements(
        seen,
        known,
        machine.findings.map((finding, index) => ({ ...finding, late: index >= findings })),
        epoch,
      )) {
        this.complain({
          epoch,
          title: 'the console and the taint mask disagree',
          detail,
          declared: this.declared(name),
        });
      }
    }
  }

  /** Null where no mask was ever read. */
  result(): TaintOfResult | null {
    const read = [...this.kernels].filter(([, { looks }]) => looks > 0);
    if (read.length === 0 && this.flags.size === 0) return null;
    const first = this.kernels.get(0);
    const [last, kernel] = [...this.kernels].at(-1) ?? [0, undefined];
    return {
      before: first !== undefined && first.looks > 0 ? number(first.known) : null,
      after: kernel !== undefined && kernel.looks > 0 && last === this.recorder.epoch ? number(kernel.seen) : null,
      flags: [...this.flags].sort(),
    };
  }

  private take(kernel: KernelTaint, epoch: number, mask: bigint, when: string): void {
    const arrival = !this.kernels.has(epoch);
    const news = bitsOf(mask & ~kernel.seen & ~kernel.known);
    kernel.seen |= mask;
    for (const { name, kind } of news) {
      const declared = this.declared(name);
      if (!declared) this.flags.add(name);
      // On arrival, such bits describe the build or the machine; they are no damage.
      if (arrival && kind === 'state') continue;
      this.complain({
        epoch,
        title: `the kernel marked itself tainted: ${name}`,
        detail: `${when}: tainted_mask is ${maskText(mask)}`,
        declared,
      });
    }
  }

  /** A kernel shows damage in another way than on its console and in its mask. */
  shows(name: TaintName, told: Pick<Incident, 'source' | 'side' | 'title' | 'detail'>): void {
    const declared = this.declared(name);
    if (!declared) this.flags.add(name);
    this.complain({ ...told, epoch: this.recorder.epoch, declared });
  }

  private complain({
    source = 'memory',
    side = 'outside',
    epoch,
    title,
    detail,
    declared,
  }: Pick<Incident, 'epoch' | 'title' | 'detail'> &
    Partial<Pick<Incident, 'source' | 'side'>> & { declared: boolean }): void {
    const { incidents } = this.recorder;
    const full = declared ? `${detail}; the scenario declares it` : detail;
    // A run with a recovery is concluded twice: before the recovery and at the end.
    if (incidents.some((known) => known.epoch === epoch && known.title === title && known.detail === full)) return;
    this.recorder.incident({ source, side, implies: declared ? null : 'tainted', epoch, title, detail: full });
  }

  private declared(name: string): boolean {
    return this.plan.scenario.taint.includes(name as TaintName);
  }

  private isFirstKernel(epoch: number): boolean {
    return this.plan.kernels[epoch]?.sha256 === this.plan.kernels[0]?.sha256;
  }
}

/** JSON has no larger exact integers. */
function number(mask: bigint): number {
  return Number(BigInt.asUintN(53, mask));
}
