// SPDX-License-Identifier: Apache-2.0
// Finds the `tainted_mask` of the running kernel by its System.map or its vmlinux, and by the page tables of a vCPU.
// The kernel's banner must be where the same symbols say: this proves that they belong to the running kernel.
import { readFileSync, statSync } from 'node:fs';
import { symbolsOf as symbolsOfElf } from '../../compat/index.js';
import { withFile } from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { MemoryView } from '../../qemu/memory.js';
import { kernelRoots, mappings } from '../../qemu/pagetable.js';
import { findShift } from '../kernel/shift.js';

type Memory = Pick<MemoryView, 'read' | 'readU64'>;

const WANTED = ['tainted_mask', 'linux_banner', 'system_state', '_text'] as const;
type Wanted = (typeof WANTED)[number];
type Symbols = ReadonlyMap<Wanted, bigint>;

/** Why the mask was not found, and what to do about it. */
export interface NoPlace {
  why: string;
  hint: string;
}

/** SYSTEM_RUNNING and SYSTEM_RESTART of include/linux/kernel.h; the state is 0 to 2 while a kernel boots. */
const RUNNING = 3;
const RESTART = 6;
const BANNER = 'Linux version ';
const BANNER_BYTES = 128;

/** Physical addresses in one kernel; they stay the same as long as it runs. */
export class TaintPlace {
  private constructor(
    private readonly memory: Memory,
    private readonly at: ReadonlyMap<Wanted, number>,
    private readonly banner: string,
  ) {}

  /** @param registers of any vCPU */
  static find(
    memory: MemoryView,
    registers: Parameters<typeof kernelRoots>[0],
    image: Pick<KernelImage, 'name' | 'systemMap' | 'vmlinux' | 'release'>,
  ): TaintPlace | NoPlace {
    const symbols = symbolsOf(image);
    if ('why' in symbols) return symbols;
    const [text, there] = [symbols.get('_text'), symbols.get('linux_banner')];
    const shift =
      text === undefined || there === undefined ? null : findShift(memory, registers, { text, banner: there });
    for (const root of kernelRoots(registers)) {
      const at = new Map(
        [...symbols].flatMap(([name, linear]) =>
          mappings(memory, root, linear + (shift ?? 0n), 8).map(({ phys }) => [name, phys] as const),
        ),
      );
      const banner = bannerAt(memory, at.get('linux_banner'));
      const expected = image.release === null ? BANNER : `${BANNER}${image.release} `;
      if (at.has('tainted_mask') && banner?.startsWith(expected) === true) return new TaintPlace(memory, at, banner);
    }
    return {
      why: `${image.name}: its tainted_mask is not where its symbols say`,
      hint:
        'System.map and vmlinux must be those of exactly this kernel; ' +
        'if they are, boot it with nokaslr (cmdline in the scenario)',
    };
  }

  /** Reads the mask; null where the kernel is no longer there. */
  read(): bigint | null {
    const there = bannerAt(this.memory, this.at.get('linux_banner')) === this.banner;
    return there ? this.memory.readU64(this.at.get('tainted_mask') ?? -1) : null;
  }

  /**
   * Reads the mask while the kernel may be replaced at any moment; null as soon as another kernel boots in its place,
   * even one of the same build.
   */
  readLeaving(): bigint | null {
    const state = this.at.get('system_state');
    const bytes = Buffer.alloc(4);
    if (state === undefined || !this.memory.read(state, bytes) || ![RUNNING, RESTART].includes(bytes.readUInt32LE()))
      return null;
    return this.read();
  }
}

function bannerAt(memory: Memory, phys: number | undefined): string | null {
  const bytes = Buffer.alloc(BANNER_BYTES);
  return phys !== undefined && memory.read(phys, bytes) ? (bytes.toString('latin1').split('\0', 1)[0] ?? null) : null;
}

function symbolsOf({
  name,
  systemMap,
  vmlinux,
}: Pick<KernelImage, 'name' | 'systemMap' | 'vmlinux'>): Symbols | NoPlace {
  const hint =
    'give the kernel its System.map or its vmlinux: as `prebuilt` in its definition, ' +
    'or beside its bzImage (images/README.md)';
  const ways = [
    ...(systemMap === null ? [] : [() => symbolsOfMap(systemMap)]),
    ...(vmlinux === null ? [] : [() => withFile(vmlinux, (source) => symbolsOfElf(source, WANTED))]),
  ];
  let why = `${name} comes without a System.map and without a vmlinux, so its tainted_mask cannot be found`;
  for (const way of ways) {
    try {
      const found = way();
      if (found.has('tainted_mask') && found.has('linux_banner')) return found as Symbols;
      why = `${name}: its symbols do not name tainted_mask and linux_banner`;
    } catch (error) {
      why = `${name}: its symbols cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return { why, hint };
}

/** By path and stamp: a process that judges many runs reads megabytes for each otherwise. */
const knownMaps = new Map<string, { stamp: string; symbols: Map<string, bigint> }>();

function symbolsOfMap(path: string): Map<string, bigint> {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  const stamp = `${ino} ${size} ${mtimeNs}`;
  const known = knownMaps.get(path);
  if (known?.stamp === stamp) return known.symbols;
  const symbols = readMap(path);
  knownMaps.set(path, { stamp, symbols });
  return symbols;
}

function readMap(path: string): Map<string, bigint> {
  const lines = readFileSync(path, 'latin1').matchAll(
    /^([0-9a-f]{16}) \S (tainted_mask|linux_banner|system_state|_text)$/gm,
  );
  return new Map([...lines].map(([, address = '', symbol = '']) => [symbol, BigInt(`0x${address}`)]));
}
