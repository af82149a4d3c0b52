// SPDX-License-Identifier: Apache-2.0
// The last rung from which a machine can be resumed for a fault: nobody has read yet what the fault changes. In doubt
// it is the jump, where nothing of the next kernel has run.
import { RUNGS, type Rung } from '../../model/result/snapshot.js';
import { type Place, placesOf } from '../../model/scenario/place.js';
import type { Fault } from '../../model/scenario/scenario.js';
import { FIRST_READERS, type PlaceKey, SERIES, type Series } from './first-readers.js';
import { LEFT_ALONE } from './left-alone.js';

/** The kernel that reads the handover. */
export interface Reader {
  /** What `uname -r` prints. */
  release: string | null;
  /** Its handover code is upstream's: no change of it is known. */
  stock: boolean;
  /** Its command line has `reserve_mem=`. */
  reservesMemory: boolean;
  /** It has the lab's own object. */
  hasObject: boolean;
}

export interface LastRung {
  rung: Rung;
  /** Why not later: who reads the place then. */
  why: string;
}

/** Null for kernels whose handover code the lab does not know. */
export function seriesOf({ release, stock }: Pick<Reader, 'release' | 'stock'>): Series | null {
  const series = /^(\d+\.\d+)\b/.exec(release ?? '')?.[1];
  return stock ? (SERIES.find((each) => each === series) ?? null) : null;
}

export function placeKey(place: Place): PlaceKey {
  return ('field' in place ? `${place.of}.${place.field}` : place.of) as PlaceKey;
}

/** For a change of this place at the jump. */
export function lastRungOfPlace(place: Place, reader: Reader): LastRung {
  const series = seriesOf(reader);
  if (series === null) return { rung: 'jump', why: 'the code of this kernel is not known' };
  const { of, met } = FIRST_READERS[placeKey(place)];
  const first = of[series];
  if (first === null) return { rung: 'jump', why: `no kernel of the series ${series} has such a place` };
  if (met === 'by-searches' && reader.reservesMemory)
    return earlier(first.rung, { rung: 'kho', why: 'reserve_mem_kho_retrieve_fdt searches the root tree' });
  if (met === 'by-searches' && reader.hasObject)
    return earlier(first.rung, { rung: 'kho', why: 'labobj_look_early searches the root tree' });
  return { rung: first.rung, why: `${first.by} reads it` };
}

function earlier(rung: Rung, other: LastRung): LastRung {
  return RUNGS.indexOf(other.rung) < RUNGS.indexOf(rung) ? other : { rung, why: other.why };
}

export function earliest(a: LastRung, b: LastRung): LastRung {
  return RUNGS.indexOf(b.rung) < RUNGS.indexOf(a.rung) ? b : a;
}

/** For a fault at the jump. */
export function lastRungOfFault(fault: Fault, reader: Reader): LastRung {
  switch (fault.kind) {
    case 'change':
      return fault.side === 'outgoing'
        ? placesOf(fault)
            .map((place) => lastRungOfPlace(place, reader))
            .reduce(earliest)
        : { rung: 'jump', why: 'it changes what an earlier kernel handed over' };
    case 'flip':
      // It flips bits in a page of a preserved file, as a change of `content` does.
      return seriesOf(reader) === null
        ? { rung: 'jump', why: 'the code of this kernel is not known' }
        : { rung: 'retrieve', why: 'memfd_luo_retrieve_folios takes the page' };
    case 'replace':
      // It searches all memory: later, other copies of the text are there.
      return { rung: 'jump', why: 'it searches all memory, which the next kernel changes' };
    case 'unplug':
    case 'iommu-table':
      return { rung: 'jump', why: 'the next kernel looks at the devices while it boots' };
    case 'triple-fault':
    case 'reset':
    case 'stop':
    case 'nmi':
      return { rung: 'jump', why: 'it acts on the processors at once' };
  }
}

/** Whether a fault before the kexec may be made at the jump instead: the old kernel leaves its place alone. */
export function isLeftAlone(fault: Fault, writer: Pick<Reader, 'release' | 'stock'>): boolean {
  const series = seriesOf(writer);
  if (series === null || fault.kind !== 'change' || fault.side !== 'outgoing') return false;
  return placesOf(fault).every((place) => LEFT_ALONE[series].has(placeKey(place)));
}
