// SPDX-License-Identifier: Apache-2.0
// Physical memory of the fake machine: a sparse file that the lab reads as it reads QEMU's, with page tables and an
// array of `struct page`.
import { closeSync, ftruncateSync, openSync, readdirSync, readlinkSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STRUCT_PAGE } from '../../src/oracles/pages/khop.js';
import type { HandoverFormat } from '../../src/images/abi/handover-format.js';
import { VMEMMAP } from '../../src/qemu/vmemmap.js';
import { MachineMemory, ramRanges } from '../../src/qemu/memory.js';
import { PageTables } from '../qemu/fake-memory.js';

const PAGE = 4096;
const MIB = 1 << 20;
export const RAM_BYTES = 32 * MIB;
const TABLES = 1 * MIB;
/** The kernel's own image: all that the lab reads of it, at the addresses of System.map. */
const IMAGE = { linear: 0xffff_ffff_8100_0000n, phys: 2 * MIB, state: 0x80, banner: 0x100, taint: 0x200 };
/**
 * What the kernel sets aside for the next one, as 6.19 keeps it: `kho_out`, what its map leads to, and a bitmap of
 * single pages.
 */
const KHO = { out: 0x1000, size: 0x60, order: 0x1100, bitmap: 0x2000 };
const STRUCTS = 4 * MIB;
/** First page that files are given. */
export const FIRST_PFN = (16 * MIB) / PAGE;
/** Where the kernel's page tables begin. */
export const CR3 = TABLES;

export const FAKE_FORMAT: HandoverFormat = {
  khoOut: { start: IMAGE.linear + BigInt(KHO.out), end: IMAGE.linear + BigInt(KHO.out + KHO.size) },
  machineKexec: 0n,
  handlers: null,
  structures: [],
};

const KHOP = 0x4b48_4f50;
const [UPTODATE, DIRTY, SWAPBACKED] = [1 << 3, 1 << 4, 1 << 17];
let made = 0;

export class FakeRam {
  private readonly fd: number;
  private readonly link: string;
  private next = FIRST_PFN;
  readonly memory: MachineMemory;

  constructor() {
    const path = join(tmpdir(), `fake-ram-${process.pid}-${made++}`);
    this.fd = openSync(path, 'wx+');
    unlinkSync(path);
    this.link = readlinkSync(this.own);
    ftruncateSync(this.fd, RAM_BYTES);
    this.memory = this.open();
    const { memory } = this;
    const words = {
      readU64: (phys: number) => memory.readU64(phys),
      writeU64: (phys: number, value: bigint) => {
        const word = Buffer.alloc(8);
        word.writeBigUInt64LE(value);
        memory.write(phys, word);
      },
    };
    const tables = new PageTables(words, CR3, CR3 + PAGE);
    tables.map(VMEMMAP, STRUCTS, 21);
    tables.map(IMAGE.linear, IMAGE.phys, 21);
  }

  /** A kernel runs from now on, and has not marked itself. */
  boot(release: string): void {
    const image = Buffer.alloc(PAGE);
    image.writeUInt32LE(3, IMAGE.state);
    image.write(`Linux version ${release} (lab@lab)\n\0`, IMAGE.banner, 'latin1');
    this.memory.write(IMAGE.phys, image);
    const kho = Buffer.alloc(PAGE);
    const word = (at: number, to: number) => kho.writeBigUInt64LE(IMAGE.linear + BigInt(to), at - KHO.out);
    // Behind a pointer and a flag a mutex, whose list head leads to itself; then the map, of which order 0 is all there
    // is.
    for (const at of [0x20, 0x28]) word(KHO.out + at, KHO.out + 0x20);
    word(KHO.out + 0x38, KHO.order);
    word(KHO.order + 8, KHO.bitmap);
    this.memory.write(IMAGE.phys + KHO.out, kho);
    this.setAside(0);
  }

  /** The kernel that runs has set so many pages aside for the next one, and one of its own. */
  setAside(pages: number): void {
    const bitmap = Buffer.alloc(PAGE);
    for (let bit = 0; bit <= pages; bit++) bitmap[bit >> 3] = (bitmap[bit >> 3] as number) | (1 << (bit & 7));
    this.memory.write(IMAGE.phys + KHO.bitmap, bitmap);
  }

  /** The kernel that runs marks itself as damaged. */
  taint(mask: bigint): void {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(mask);
    this.memory.write(IMAGE.phys + IMAGE.taint, word);
  }

  /** Another opening of it, as the lab makes one. */
  /** Nothing can be read if `mtree` shows no RAM. */
  open(mtree: string | null = null): MachineMemory {
    const isKnown = mtree === null || ramRanges(mtree).length > 0;
    return MachineMemory.openFile(this.own, isKnown ? [{ start: 0, end: RAM_BYTES, offset: 0 }] : []);
  }

  allocate(pages: number): number {
    const first = this.next;
    this.next += pages;
    return first;
  }

  /** The page is marked as handed over, and nobody has restored it. */
  mark(pfn: number): void {
    this.struct(pfn, (words) => words.set([0, KHOP], 10));
  }

  /** Page `page` of a file, which the page cache alone refers to. */
  inCache(pfn: number, page: number, file: number): void {
    this.struct(pfn, (words) => {
      words[0] = UPTODATE | DIRTY | SWAPBACKED;
      words.set([0x1_0000 + file * 64, 0xffff_8880, page], 6);
      words.set([0xffff_ffff, 1], 12);
    });
  }

  /** In use, and no page of a file. */
  inUse(pfn: number): void {
    this.struct(pfn, (words) => (words[13] = 1));
  }

  free(pfn: number): void {
    this.struct(pfn, (words) => (words[12] = 0xf000_0000));
  }

  /** After a reset no kernel knows of any page. */
  wipe(): void {
    this.memory.write(STRUCTS, new Uint8Array((RAM_BYTES / PAGE) * STRUCT_PAGE));
  }

  /** Descriptors of it that are open in this process, besides the fake's own two. */
  get openByOthers(): number {
    const links = readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === this.link;
      } catch {
        return false;
      }
    });
    return links.length - 2;
  }

  remove(): void {
    this.memory.close();
    closeSync(this.fd);
  }

  private get own(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  private struct(pfn: number, fill: (words: Uint32Array) => void): void {
    const words = new Uint32Array(STRUCT_PAGE / 4);
    words[12] = 0xff00_0000;
    fill(words);
    writeSync(this.fd, new Uint8Array(words.buffer), 0, STRUCT_PAGE, STRUCTS + pfn * STRUCT_PAGE);
  }
}
