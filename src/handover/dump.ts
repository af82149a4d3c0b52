// SPDX-License-Identifier: Apache-2.0
// Everything that a handover holds, as data. What is not sound is said where it stands, and the rest goes on.
import type { FileDump, FolioRun, HandoverDump, MemfdDump, SessionDump } from '../model/result/handover-dump.js';
import { type Area, preservedAreas } from './kho/areas.js';
import { inArray } from './luo/entries.js';
import { khoSpot, nodeSpot, rootTree } from './kho/kho.js';
import { Instance } from './memory/layouts.js';
import { LUO_NODE, luoPointer, luoSpot, luoVersion } from './luo/luo.js';
import { FolioList, isMemfd, memfdAt } from './luo/memfd.js';
import { HandoverError, hex, textOf } from './memory/memory.js';
import { filesOf, sessions } from './luo/sessions.js';
import { type HandoverSource, Walk } from './source.js';
import type { Spot } from './place/field-location.js';
import { memblockTree, METADATA, metadataOf } from './kho/trees.js';

/** In all of one dump. */
const MOST = { sessions: 100_000, files: 200_000, folios: 1_000_000, runs: 200_000 };
const MOST_AREAS = 2_000_000;

export type Dumped = Omit<HandoverDump, 'layouts'>;

/** Never throws for what the memory holds. */
export function dumpHandover(source: HandoverSource): Dumped {
  return new Dumper(new Walk(source)).dump();
}

class Dumper {
  private readonly problems: string[] = [];
  /** By first page frame; null where the map cannot be read. */
  private areas: Map<number, number> | null = null;
  private readonly left = { ...MOST };

  constructor(private readonly walk: Walk) {}

  dump(): Dumped {
    const { walk } = this;
    const preserved = this.attempt('the map of the preserved memory', () => this.preserved()) ?? null;
    return {
      root: hex(walk.source.root),
      kho: this.attempt('the root tree', () => this.kho()) ?? { version: '', map: null, nodes: [] },
      preserved,
      metadata: this.has(METADATA) ? (this.attempt(METADATA, () => metadataOf(walk)) ?? null) : null,
      reserved: this.has('memblock') ? (this.attempt('memblock', () => this.reserved()) ?? []) : [],
      luo: this.hasLuo() ? (this.attempt('LUO', () => this.luo()) ?? null) : null,
      flbs: this.hasLuo() ? (this.attempt('the FLBs', () => this.flbs()) ?? []) : [],
      sessions: this.hasLuo() ? this.sessions() : [],
      cut: Object.values(this.left).some((left) => left < 0),
      problems: this.problems,
    };
  }

  private attempt<T>(what: string, body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      this.problems.push(error.message.startsWith(what) ? error.message : `${what}: ${error.message}`);
      return undefined;
    }
  }

  private has(node: string): boolean {
    try {
      return rootTree(this.walk).root.children.some(({ name }) => name === node);
    } catch (error) {
      if (error instanceof HandoverError) return false;
      throw error;
    }
  }

  private hasLuo(): boolean {
    return this.has(LUO_NODE);
  }

  private kho(): HandoverDump['kho'] {
    const { walk } = this;
    const tree = rootTree(walk);
    const value = (spot: () => Spot): bigint | null => {
      try {
        const { phys, size } = spot();
        return walk.memory.number(phys, size, 'the root tree');
      } catch (error) {
        if (error instanceof HandoverError) return null;
        throw error;
      }
    };
    const map = value(() => khoSpot(walk, 'map'));
    return {
      version: textOf(tree.root.properties.get('compatible') ?? new Uint8Array()),
      map: map === null ? null : hex(map),
      nodes: tree.root.children.map(({ name }) => {
        const [phys, size] = [value(() => nodeSpot(walk, name, 'data')), value(() => nodeSpot(walk, name, 'size'))];
        return { name, phys: phys === null ? null : hex(phys), size: size === null ? null : String(size) };
      }),
    };
  }

  private preserved(): HandoverDump['preserved'] {
    const areas = [...preservedAreas(this.walk, MOST_AREAS)].sort((a, b) => a.pfn - b.pfn);
    this.areas = new Map(areas.map(({ pfn, order }) => [pfn, order]));
    const runs = merged(areas);
    return {
      pages: areas.reduce((sum, { order }) => sum + 2 ** order, 0),
      areas: areas.length,
      runs: runs.slice(0, MOST.runs),
      cut: runs.length > MOST.runs,
    };
  }

  private reserved(): HandoverDump['reserved'] {
    const tree = memblockTree(this.walk);
    return tree.root.children.map((node) => ({
      name: node.name,
      version: tree.compatible(node) ?? '',
      start: hex(tree.number(node, 'start')),
      size: String(tree.number(node, 'size')),
    }));
  }

  private luo(): HandoverDump['luo'] {
    const { walk } = this;
    const number = luoSpot(walk, 'number');
    return {
      version: luoVersion(walk),
      phys: hex(number.holder),
      number: String(walk.memory.number(number.phys, number.size, "LUO's number")),
      sessions: hex(luoPointer(walk, 'sessions')),
      flbs: hex(this.flbPointer()),
    };
  }

  /** 6.19 has none. */
  private flbPointer(): bigint {
    return this.walk.layouts.has('luo_flb_header_ser') ? luoPointer(this.walk, 'flbs') : 0n;
  }

  private flbs(): HandoverDump['flbs'] {
    const { walk } = this;
    const pointer = this.flbPointer();
    if (pointer === 0n || !walk.layouts.has('luo_flb_ser')) return [];
    const header = new Instance(
      walk.memory,
      walk.layouts,
      'luo_flb_header_ser',
      walk.memory.address(pointer, 8, 'the header of the FLBs'),
    );
    return [
      ...inArray(walk, header.phys + header.structure.size, header.number('count'), 'luo_flb_ser', 'the FLBs'),
    ].map((flb) => ({ name: flb.text('name'), data: hex(flb.number('data')), count: String(flb.number('count')) }));
  }

  private sessions(): SessionDump[] {
    const found: SessionDump[] = [];
    this.attempt('the sessions', () => {
      for (const session of sessions(this.walk)) {
        if (--this.left.sessions < 0) return;
        found.push(this.session(session));
      }
    });
    return found;
  }

  private session(session: Instance): SessionDump {
    const dump: SessionDump = {
      phys: hex(session.phys),
      name: session.text('name'),
      count: String(session.number('file_set_ser.count')),
      files: [],
      problem: null,
    };
    try {
      for (const file of filesOf(this.walk, session)) {
        if (--this.left.files < 0) break;
        dump.files.push(this.file(file));
      }
      if (dump.problem === null && String(dump.files.length) !== dump.count)
        dump.problem = `it says ${dump.count} files, and ${dump.files.length} are written down`;
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      dump.problem = error.message;
    }
    return dump;
  }

  private file(file: Instance): FileDump {
    const dump: FileDump = {
      phys: hex(file.phys),
      token: String(file.number('token')),
      compatible: file.text('compatible'),
      data: hex(file.number('data')),
      memfd: null,
      problem: null,
    };
    try {
      if (isMemfd(file))
        dump.memfd = this.memfd(memfdAt(this.walk, file, 'it'), (why) => {
          dump.problem ??= why;
        });
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      dump.problem ??= error.message;
    }
    return dump;
  }

  private memfd(memfd: Instance, wrong: (why: string) => void): MemfdDump {
    const list = memfd.number('nr_folios') === 0n ? null : new FolioList(this.walk, memfd, 'it');
    const dump: MemfdDump = {
      phys: hex(memfd.phys),
      pos: String(memfd.number('pos')),
      size: String(memfd.number('size')),
      seals: memfd.has('seals') ? Number(memfd.number('seals')) : null,
      flags: memfd.has('flags') ? Number(memfd.number('flags')) : null,
      nrFolios: String(memfd.number('nr_folios')),
      folios: [],
    };
    try {
      for (let i = 0; list !== null && BigInt(i) < list.length; i++) {
        if (--this.left.folios < 0) break;
        this.addFolio(dump.folios, list.at(i));
      }
    } catch (error) {
      if (!(error instanceof HandoverError)) throw error;
      wrong(error.message);
    }
    return dump;
  }

  private addFolio(runs: FolioRun[], folio: Instance): void {
    const [pfn, index, flags] = [folio.number('pfn'), folio.number('index'), Number(folio.number('flags'))];
    const order = this.areas?.get(Number(pfn)) ?? null;
    const pages = order === null ? 1 : 2 ** order;
    const preserved = this.areas === null ? null : order !== null;
    const last = runs.at(-1);
    const alike =
      last !== undefined &&
      last.flags === flags &&
      last.preserved === preserved &&
      BigInt(last.index) + BigInt(last.pages) === index;
    const step = alike ? stepTo(last, pfn, pages) : null;
    if (last !== undefined && step !== null) {
      last.step = step;
      last.pages += pages;
      last.folios++;
    } else if (--this.left.runs >= 0)
      runs.push({ index: String(index), pfn: hex(pfn), step: 1, pages, folios: 1, flags, preserved });
  }
}

/** Which way a run goes on with a folio; null where it does not. Only single pages follow one another downwards. */
function stepTo({ pfn: first, pages, folios, step }: FolioRun, pfn: bigint, more: number): 1 | -1 | null {
  const from = BigInt(first);
  if ((step === 1 || pages === 1) && from + BigInt(pages) === pfn) return 1;
  return folios === pages && more === 1 && (step === -1 || pages === 1) && from - BigInt(pages) === pfn ? -1 : null;
}

function merged(areas: readonly Area[]): { pfn: string; pages: number }[] {
  const runs: { first: number; pages: number }[] = [];
  for (const { pfn, order } of areas) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.pages === pfn) last.pages += 2 ** order;
    else runs.push({ first: pfn, pages: 2 ** order });
  }
  return runs.map(({ first, pages }) => ({ pfn: hex(first), pages }));
}
