// SPDX-License-Identifier: Apache-2.0
// The kernels' console: its findings become evidence, and its signals show when a kernel boots, jumps or panics.
import { ConsoleScanner, type ConsoleSignal, type Finding } from '../../console/index.js';
import type { Outcome } from '../../model/result/outcome.js';
import type { Recorder } from '../engine/recorder.js';
import type { KexecWatch } from './kexec-watch.js';

/** Milliseconds from the first line of a panic on the console until the machine must have reported it itself. */
const PANIC_GRACE = 1000;
/** Characters of the console's end, kept for messages. */
const MAX_TAIL = 3000;
const TAIL_LINES = 25;

/** The outcome that a finding implies in this run. */
export type Implication = (finding: Finding) => Outcome | null;

export interface ConsoleHooks {
  /** A kernel booted cold, not by an update. */
  coldBoot(): void;
  /** A kernel has panicked, and had the time to print its report. */
  panic(): void;
}

export class KernelConsole {
  /** What the kernels reported; the scanner bounds their number. */
  readonly findings: Finding[] = [];
  private readonly scanner = new ConsoleScanner();
  private text = '';
  private lastOutput = 0;
  /** Boots that no update caused, in the scanner's count of epochs. */
  private readonly coldBoots: number[] = [];

  constructor(
    private readonly recorder: Recorder,
    private readonly kexecWatch: KexecWatch,
    private readonly implication: Implication,
    private readonly hooks: ConsoleHooks,
  ) {}

  take(chunk: Buffer): void {
    this.lastOutput = performance.now();
    this.text = (this.text + chunk.toString('latin1')).slice(-MAX_TAIL);
    this.takeSignals(this.scanner.feed(chunk));
  }

  /** The kernel of `epoch` is up. */
  reached(epoch: number): void {
    this.takeSignals(this.scanner.reached(epoch + this.coldBoots.length));
  }

  /** Ends a report that is still being printed. */
  flush(): void {
    this.takeSignals(this.scanner.flush());
  }

  end(): void {
    this.takeSignals(this.scanner.end());
  }

  get lastLines(): string {
    return this.text.split(/\r?\n/).slice(-TAIL_LINES).join('\n').trim();
  }

  /** Milliseconds since anything was printed. */
  get quietMs(): number {
    return performance.now() - this.lastOutput;
  }

  private takeSignals(signals: readonly ConsoleSignal[]): void {
    for (const signal of signals) {
      const epoch = this.epochOf(signal);
      if (signal.type === 'finding') {
        this.takeFinding({ ...signal, epoch });
      } else if (signal.kind === 'boot') {
        this.recorder.event({ kind: 'epoch', mark: 'boot', release: signal.release, bootId: null });
        if (signal.how !== 'cold') continue;
        if (this.kexecWatch.onBootWithout())
          this.recorder.event({ kind: 'note', text: "the old kernel's last words are not on the console" });
        else {
          this.coldBoots.push(signal.epoch);
          this.hooks.coldBoot();
        }
      } else if (signal.kind === 'panic') {
        // The kernel is still printing its report, and the machine mostly reports the panic itself before this is over.
        setTimeout(() => this.hooks.panic(), PANIC_GRACE).unref();
      } else if (signal.kind === 'firmware') {
        this.kexecWatch.onReset();
      } else if (signal.kind === 'kexec-start') {
        this.recorder.event({ kind: 'kexec', state: 'left' });
        this.kexecWatch.onKexecStart();
      }
    }
  }

  private takeFinding(finding: Finding): void {
    const { title, severity, line, text, corrupted, epoch } = finding;
    this.recorder.event({ kind: 'crash', title, severity, line }, null, epoch);
    this.findings.push(finding);
    if (severity === 'info') return;
    const detail = corrupted === null ? text : `${text}\n(the report came through damaged: ${corrupted})`;
    const implies = this.implication(finding);
    this.recorder.incident({ source: 'console', side: 'inside', implies, title, detail, epoch });
  }

  /**
   * The epoch of the kernel that printed it. This can already be the next one, while the run still waits for that
   * kernel. A cold boot starts no epoch.
   */
  private epochOf(signal: ConsoleSignal): number {
    const cold = this.coldBoots.filter((epoch) => epoch <= signal.epoch).length;
    return Math.min(Math.max(0, signal.epoch - cold), this.recorder.epoch + 1);
  }
}
