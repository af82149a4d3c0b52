// SPDX-License-Identifier: Apache-2.0
// Reads the log of `qemu -d in_asm`: each block of code that the emulator translates, which it does just before the
// code runs for the first time. The machine decides what its code is, so nothing here trusts the log.
import type { CodeAddress } from '../../model/result/coverage.js';
import { LineSplitter } from '../../util/text/lines.js';

/** Code without a jump in it, translated in one piece. */
export interface TranslatedBlock {
  start: CodeAddress;
  /** Bytes. */
  size: number;
  /** Addresses of its instructions. Only the first one if this QEMU has no disassembler. */
  instructions: CodeAddress[];
}

const MAX_LINE = 512;
/** QEMU ends a block at the latest after 512 instructions, and an instruction has at most 15 bytes. */
const MAX_BLOCK = 512 * 15;
/** All kernel code lies in the last 2 GiB. */
const KERNEL = 'ffffffff';
const PREFIX = 'ffffffff00000000'.length / 2;

/** `0xffffffff8107ac58:  ba 20 10 00 00   movl ...`; a long instruction goes on in a line of bytes alone. */
const INSTRUCTION = /^0x([0-9a-f]{16}): {1,4}((?:[0-9a-f]{2}(?: |$))*) *(\S?)/;
/** Without a disassembler, the bytes of the block follow its address. */
const BYTES = /^OBJD-T: ([0-9a-f]+)$/;

export class TranslationReader {
  private readonly lines = new LineSplitter((line) => this.take(line), MAX_LINE);
  private block: TranslatedBlock | null = null;

  constructor(private readonly onBlock: (block: TranslatedBlock) => void) {}

  feed(chunk: Buffer): void {
    this.lines.feed(chunk);
  }

  /** Ends the last block. */
  end(): void {
    const { block } = this;
    this.block = null;
    if (block !== null && block.size > 0 && block.size <= MAX_BLOCK) this.onBlock(block);
  }

  private take(line: string): void {
    if (line === 'IN: ' || line.startsWith('----')) return this.end();
    const bytes = BYTES.exec(line)?.[1];
    if (bytes !== undefined) {
      if (this.block !== null) this.block.size += bytes.length / 2;
      return;
    }
    const [, address = '', hex = '', mnemonic = ''] = INSTRUCTION.exec(line) ?? [];
    if (!address.startsWith(KERNEL)) return;
    const at = parseInt(address.slice(PREFIX), 16);
    const size = Math.ceil(hex.length / 3);
    const { block } = this;
    if (block === null) this.block = { start: at, size, instructions: [at] };
    else if (at !== block.start + block.size) return;
    else {
      block.size += size;
      if (mnemonic !== '') block.instructions.push(at);
    }
  }
}
