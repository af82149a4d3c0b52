// SPDX-License-Identifier: Apache-2.0
// The basic blocks and the conditional jumps of a kernel's code, as objdump shows them: those that ran and those that
// did not.
import type { AddressRange, CodeAddress } from '../../model/result/coverage.js';
import { LineSplitter } from '../../util/text/lines.js';
import { mustRun } from '../../util/process/command.js';
import { contains } from '../log/coverage-log.js';

/** A conditional jump, where it goes, and what follows it. */
export type Branch = [at: CodeAddress, target: CodeAddress, next: CodeAddress];

export interface Disassembly {
  /** Starts of basic blocks, in the order of addresses. A call does not end a block. */
  blocks: CodeAddress[];
  branches: Branch[];
}

/** Ranges that are closer than this are disassembled together: most of the time objdump reads symbols. */
const CLOSE = 1 << 14;
const MAX_LINE = 1024;
const INSTRUCTION =
  /^ *ffffffff([0-9a-f]{8}):\t(?:(?:notrack|bnd|data16|cs|ds) )*([a-z0-9]+)(?: +ffffffff([0-9a-f]{8})\b)?/;
/** A block ends after these. */
const ENDS = /^(?:j\w+|ret\w*|ud[012]|int3|hlt|iret\w*|loop\w*)$/;
/** What stands behind the end of a block without being one: padding, and traps that nothing jumps over. */
const PADDING = /^(?:int3|nop[wlq]?|xchg|ud2|data16|cs)$/;

/** @param vmlinux needs no debug information */
export async function disassemble(
  vmlinux: string,
  ranges: readonly AddressRange[],
  signal: AbortSignal,
): Promise<Disassembly> {
  const reader = new DisassemblyReader(ranges);
  for (const { start, end } of together(ranges)) {
    const lines = new LineSplitter((line) => reader.take(line), MAX_LINE);
    const where = [`--start-address=0xffffffff${hex(start)}`, `--stop-address=0xffffffff${hex(end)}`];
    await mustRun(
      ['objdump', '-d', '-w', '--no-show-raw-insn', ...where, vmlinux],
      'the kernel cannot be disassembled',
      { signal, onStdout: (chunk) => lines.feed(chunk) },
    );
  }
  return reader.result();
}

const hex = (address: CodeAddress): string => address.toString(16).padStart(8, '0');

function together(ranges: readonly AddressRange[]): AddressRange[] {
  const all: AddressRange[] = [];
  for (const { start, end } of ranges) {
    const last = all.at(-1);
    if (last !== undefined && start - last.end < CLOSE) last.end = end;
    else all.push({ start, end });
  }
  return all;
}

/** Reads lines of objdump. */
export class DisassemblyReader {
  private readonly leaders = new Set<CodeAddress>();
  private readonly mnemonics = new Map<CodeAddress, string>();
  private readonly branches: Branch[] = [];
  /** A conditional jump whose next instruction is not known yet. */
  private open: [at: CodeAddress, target: CodeAddress] | null = null;
  private ended = true;

  constructor(private readonly ranges: readonly AddressRange[]) {
    for (const { start } of ranges) this.leaders.add(start);
  }

  take(line: string): void {
    // The head of a function.
    if (line.endsWith('>:')) this.ended = true;
    const [, address = '', mnemonic = '', target] = INSTRUCTION.exec(line) ?? [];
    if (address === '') return;
    const at = parseInt(address, 16);
    if (this.open !== null) this.branches.push([...this.open, at]);
    this.open = null;
    if (!contains(this.ranges, at)) {
      this.ended = true;
      return;
    }
    this.mnemonics.set(at, mnemonic);
    if (this.ended) this.leaders.add(at);
    this.ended = ENDS.test(mnemonic);
    if (!mnemonic.startsWith('j') || target === undefined) return;
    const to = parseInt(target, 16);
    this.leaders.add(to);
    if (!mnemonic.startsWith('jmp')) this.open = [at, to];
  }

  result(): Disassembly {
    const isBlock = (at: CodeAddress) => {
      const mnemonic = this.mnemonics.get(at);
      return mnemonic !== undefined && !PADDING.test(mnemonic);
    };
    const inOrder = (a: number, b: number) => a - b;
    return { blocks: [...this.leaders].filter(isBlock).sort(inOrder), branches: this.branches };
  }
}
