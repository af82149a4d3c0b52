// SPDX-License-Identifier: Apache-2.0
// Guests for tests of single functions: what the agent reports, what was seen from outside, and the guests' files.
import type { OutsideView } from '../../src/oracles/files/outside.js';
import { PAGE } from '../../src/oracles/files/pattern.js';
import { type ChainView, Snapshot } from '../../src/oracles/guest/index.js';
import { type GuestFileSpec, guestFiles, type GuestSpec } from '../../src/model/scenario/guest.js';
import type { ExpectedFile, FileState } from '../../src/run/state/file.js';
import { GuestState, type GuestStat } from '../../src/run/state/guest.js';

export const LOOK: OutsideView = { pages: 8, equal: 8, different: 0, differentRuns: [], first: null };
export const CHAIN: ChainView = { pages: 8, bad: 0, first: null, ticks: 3, links: 24, heads: [], control: null };

export function statOf(change: Partial<GuestStat> = {}): GuestStat {
  return {
    state: 'running',
    why: '',
    ticks: 9,
    needs: 1,
    failures: [],
    panicked: false,
    firstBad: null,
    jumped: 0,
    maxGapMs: 1,
    bootId: null,
    bootIdChanged: false,
    clock: null,
    console: '',
    devices: [],
    ...change,
  };
}

export function guestSpec(change: Partial<GuestSpec> = {}): GuestSpec {
  return { name: 'g', kind: 'linux', vcpus: 1, size: 64 * PAGE, seed: 1, features: [], devices: [], ...change };
}

/** A guest that came through an update. */
export function carriedGuest(spec: GuestSpec = guestSpec()): GuestState {
  const chain = spec.kind === 'bare' ? CHAIN : null;
  return Object.assign(new GuestState(spec), {
    here: true,
    restored: true,
    resumed: true,
    left: { stat: statOf(), chain },
    now: { stat: statOf({ ticks: 20 }), chain },
    arrival: chain,
  });
}

type GuestFileKind = GuestFileSpec['kind'];

export function guestFile(guest: GuestSpec, kind: GuestFileKind, change: Partial<FileState> = {}): FileState {
  const names = guestFiles(guest.name);
  const name = kind === 'guest-ram' ? names.ram : names.state;
  return {
    name,
    spec: { kind, guest, file: name, size: guest.size, seed: guest.seed, holes: [] },
    pattern: new Snapshot(),
    preservedIn: [{ session: 's', token: 1 }],
    runs: [{ page: 0, pfn: 100, count: 8 }],
    before: LOOK,
    inside: null,
    hugeKiB: 0,
    ...change,
  };
}

/** A file that was handed over, and came back unless `change` says otherwise. */
export function expectedFile(file: FileState, change: Partial<ExpectedFile> = {}): ExpectedFile {
  const { name, spec, pattern, runs, before, hugeKiB } = file;
  const retrieved = { ...file };
  return { name, session: 's', token: 1, spec, pattern, runs, before, hugeKiB, retrieved, errno: null, ...change };
}
