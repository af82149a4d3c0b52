// SPDX-License-Identifier: Apache-2.0
// Sorts the translated blocks of a run by kernel. Two kernels may use the same addresses, so the log itself tells when
// the next one begins: each kernel's `machine_kexec` and the first C function of its boot are watched too.
import type { AddressRange, CodeAddress, EpochCoverage, RanBlock } from '../../model/result/coverage.js';
import { TranslationReader, type TranslatedBlock } from './translations.js';

/** Where the code of interest lies in a kernel, and what it runs first and last. */
export interface WatchedCode {
  /** In the order of addresses. */
  ranges: readonly AddressRange[];
  /** Runs once, early in its boot. */
  boot: CodeAddress;
  /** Runs when it jumps to the next kernel. */
  jump: CodeAddress;
}

export interface WatchedKernel {
  name: string;
  sha256: string;
  code: WatchedCode | null;
  /** Why there is no code to watch; null if there is. */
  why: string | null;
}

/** What the reader has seen of one kernel. */
export interface SeenCode {
  /** Size of each block by its start. */
  blocks: Map<CodeAddress, number>;
  /** The instructions of all blocks: the same set however interrupts cut the blocks. */
  instructions: Set<CodeAddress>;
}

/** How the machine begins: with a boot, or in the middle of an epoch. */
export type LogStart = { how: 'boot' } | { how: 'resumed'; epoch: number };

export class CoverageLog {
  private readonly reader = new TranslationReader((block) => this.take(block));
  private readonly seen = new Map<number, SeenCode>();
  private epoch: number;
  private readonly firstEpoch: number;
  /** The running kernel has begun its jump. */
  private left = false;
  private booted: boolean;
  private lostBytes = 0;
  /** The machine was reset: what runs then belongs to no epoch. */
  private over = false;

  /** @param kernels one for each epoch; the last one also runs in all later epochs */
  constructor(
    private readonly kernels: readonly WatchedKernel[],
    private readonly start: LogStart = { how: 'boot' },
  ) {
    this.firstEpoch = start.how === 'boot' ? 0 : start.epoch;
    this.epoch = this.firstEpoch;
    this.booted = start.how === 'resumed';
  }

  feed(chunk: Buffer): void {
    this.reader.feed(chunk);
  }

  /** Bytes of the log that were not read. */
  lost(bytes: number): void {
    this.lostBytes += bytes;
  }

  /** What ran until now, by epoch. */
  get code(): ReadonlyMap<number, SeenCode> {
    return this.seen;
  }

  /** Ends the log. Epochs that did not begin are missing. */
  result(): EpochCoverage[] {
    this.reader.end();
    const epochs = Array.from({ length: this.epoch + 1 }, (_, epoch) => epoch);
    return epochs.flatMap((epoch) => {
      const kernel = this.kernelOf(epoch);
      if (kernel === null) return [];
      const blocks = [...(this.seen.get(epoch)?.blocks ?? [])].sort(([a], [b]) => a - b);
      const { name, sha256 } = kernel;
      return [{ epoch, kernel: { name, sha256 }, blind: this.blindIn(epoch, kernel), blocks: blocks as RanBlock[] }];
    });
  }

  private blindIn(epoch: number, { why }: WatchedKernel): string | null {
    if (why !== null) return why;
    if (epoch < this.firstEpoch) return 'the run started from a saved machine, later than this kernel';
    if (this.lostBytes > 0) return `a flood: ${this.lostBytes} bytes of QEMU's log were not read`;
    if (epoch === this.firstEpoch && this.start.how === 'resumed')
      return 'the run started from a saved machine: what this kernel ran before was not seen';
    return null;
  }

  private kernelOf(epoch: number): WatchedKernel | null {
    return this.kernels[epoch] ?? this.kernels.at(-1) ?? null;
  }

  private take({ start, size, instructions }: TranslatedBlock): void {
    if (this.over) return;
    const running = this.kernelOf(this.epoch)?.code ?? null;
    if (start === running?.jump) this.left = true;
    const next = this.kernelOf(this.epoch + 1)?.code ?? null;
    if ((this.left || running === null) && start === next?.boot) {
      this.epoch++;
      this.left = false;
      return;
    }
    if (start === this.kernels[0]?.code?.boot) this.bootAgain();
    if (this.over || running === null || !contains(running.ranges, start)) return;
    let seen = this.seen.get(this.epoch);
    if (seen === undefined) this.seen.set(this.epoch, (seen = { blocks: new Map(), instructions: new Set() }));
    seen.blocks.set(start, Math.max(size, seen.blocks.get(start) ?? 0));
    for (const address of instructions) seen.instructions.add(address);
  }

  /** A first kernel that boots once more, without a jump, does so after a reset. */
  private bootAgain(): void {
    if (this.booted && (this.epoch > this.firstEpoch || this.seen.size > 0)) this.over = true;
    this.booted = true;
  }
}

/** @param ranges in the order of addresses, without overlaps */
export function contains(ranges: readonly AddressRange[], address: CodeAddress): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.end ?? 0) <= address) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.start ?? Infinity) <= address;
}

/** Everything that QEMU has to log for these kernels: their code, and the marks that tell them apart. */
export function loggedRanges(kernels: readonly WatchedKernel[]): AddressRange[] {
  const all = kernels.flatMap(({ code }) =>
    code === null ? [] : [...code.ranges, ...[code.boot, code.jump].map((start) => ({ start, end: start + 1 }))],
  );
  const merged: AddressRange[] = [];
  for (const { start, end } of all.sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}
