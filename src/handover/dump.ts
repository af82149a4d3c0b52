// SPDX-License-Identifier: Apache-2.0
// Dumps a whole handover as data. A problem is recorded where it is, and the dump continues with the rest.
import type { HandoverDump, SessionDump } from '../model/result/handover-dump.js';
import { preservedAreas } from './kho/areas.js';
import { inArray } from './luo/entries.js';
import { khoLocation, nodeLocation, rootTree } from './kho/kho.js';
import { Instance } from './memory/layouts.js';
import { LUO_NODE, luoPointer, luoLocation, luoVersion } from './luo/luo.js';
import { type DumpBudget, SessionDumper } from './session-dump.js';
import { mergeAreas } from './folio-runs.js';
import { HandoverError, hex, textOf } from './memory/memory.js';
import { sessions } from './luo/sessions.js';
import { type HandoverSource, Walk } from './memory/source.js';
import type { FieldLocation } from './memory/field-location.js';
import { memblockTree, METADATA, metadataOf } from './kho/trees.js';

/** Limits for a whole dump. */
const MAX: DumpBudget = { sessions: 100_000, files: 200_000, folios: 1_000_000, runs: 200_000 };
const MAX_AREAS = 2_000_000;

export type HandoverContents = Omit<HandoverDump, 'layouts'>;

/** Never throws, whatever the memory contains. */
export function dumpHandover(source: HandoverSource): HandoverContents {
  return new Dumper(new Walk(source)).dump();
}

class Dumper {
  private readonly problems: string[] = [];
  /** Orders by first page frame; null if the map is unreadable. */
  private areas: Map<number, number> | null = null;
  private readonly left = { ...MAX };

  constructor(private readonly walk: Walk) {}

  dump(): HandoverContents {
    const { walk } = this;
    const preserved = this.attempt('the map of preserved memory', () => this.preserved()) ?? null;
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
    const value = (location: () => FieldLocation): bigint | null => {
      try {
        const { phys, size } = location();
        return walk.memory.number(phys, size, 'the root tree');
      } catch (error) {
        if (error instanceof HandoverError) return null;
        throw error;
      }
    };
    const map = value(() => khoLocation(walk, 'map'));
    return {
      version: textOf(tree.root.properties.get('compatible') ?? new Uint8Array()),
      map: map === null ? null : hex(map),
      nodes: tree.root.children.map(({ name }) => {
        const [phys, size] = [
          value(() => nodeLocation(walk, name, 'data')),
          value(() => nodeLocation(walk, name, 'size')),
        ];
        return { name, phys: phys === null ? null : hex(phys), size: size === null ? null : String(size) };
      }),
    };
  }

  private preserved(): HandoverDump['preserved'] {
    const areas = [...preservedAreas(this.walk, MAX_AREAS)].sort((a, b) => a.pfn - b.pfn);
    this.areas = new Map(areas.map(({ pfn, order }) => [pfn, order]));
    const runs = mergeAreas(areas);
    return {
      pages: areas.reduce((sum, { order }) => sum + 2 ** order, 0),
      areas: areas.length,
      runs: runs.slice(0, MAX.runs),
      cut: runs.length > MAX.runs,
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
    const number = luoLocation(walk, 'number');
    return {
      version: luoVersion(walk),
      phys: hex(number.holder),
      number: String(walk.memory.number(number.phys, number.size, "LUO's number")),
      sessions: hex(luoPointer(walk, 'sessions')),
      flbs: hex(this.flbPointer()),
    };
  }

  /** 0 for 6.19, which has no FLBs. */
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
    const dumps: SessionDump[] = [];
    const dumper = new SessionDumper(this.walk, this.areas, this.left);
    this.attempt('the sessions', () => {
      for (const session of sessions(this.walk)) {
        if (--this.left.sessions < 0) return;
        dumps.push(dumper.dump(session));
      }
    });
    return dumps;
  }
}
