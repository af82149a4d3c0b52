// SPDX-License-Identifier: Apache-2.0
// The short form: checks the devices against the sessions, and gives them their tokens.
import type { DevicePlan } from '../../model/scenario/device.js';
import { guestFiles, type GuestSpec } from '../../model/scenario/guest.js';
import type { FileSpec } from '../../model/scenario/scenario.js';
import { freeToken, type Token } from '../../model/scenario/token.js';
import { nearest } from '../../util/text/nearest.js';
import { PAGE } from '../schema/limits.js';
import type { Path } from '../source/document.js';
import { listed, shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { hex, iovaProblem } from '../validate/devices.js';

/** The parts of a session that devices need. */
export interface SessionOfDevice {
  name: string;
  files: readonly { spec: FileSpec; token: Token }[];
  guests: readonly { spec: GuestSpec; token: Token; stateToken: Token }[];
}

/**
 * Maps the RAM of each guest for its devices, at the same addresses as in the guest. Only the guest makes transfers.
 */
export function giveToGuests({ devices }: DevicePlan, guests: readonly GuestSpec[], problems: Problems): void {
  for (const [index, device] of devices.entries()) {
    const owner = guests.find((guest) => guest.devices.includes(device.name));
    if (owner === undefined) continue;
    for (const [key, isSet] of [
      ['map', device.map.length > 0],
      ['dma', device.inFlight],
    ] as const) {
      if (isSet)
        problems.add(
          ['devices', index, key],
          `${key} cannot be used with a guest's device; ` +
            `${shown(device.name)} belongs to ${shown(owner.name)}, with all of its memory mapped`,
          null,
          'key',
        );
    }
    device.guest = owner.name;
    device.map = [{ file: guestFiles(owner.name).ram, iova: 0, rights: 'rw' }];
  }
}

/** The used tokens of a session: one for each file, two for each guest. */
function tokensOf({ files, guests }: SessionOfDevice): Token[] {
  return [...files.map(({ token }) => token), ...guests.flatMap(({ token, stateToken }) => [token, stateToken])];
}

/** Reports unknown files and sessions and impossible IOVAs, and chooses the missing tokens. */
export function planDevices(
  { devices, iommu }: DevicePlan,
  sessions: readonly SessionOfDevice[],
  problems: Problems,
): void {
  const files = new Map(sessions.flatMap((session) => session.files.map(({ spec }) => [spec.file, spec] as const)));
  for (const [index, device] of devices.entries()) {
    const path = ['devices', index];
    const taken: { iova: number; end: number; file: string }[] = [];
    for (const [number, { file, iova, rights }] of device.guest === null ? device.map.entries() : []) {
      const at = [...path, 'map', number];
      const spec = files.get(file);
      if (spec === undefined) {
        unknown('file', file, files.keys(), [...at, 'file'], problems);
        continue;
      }
      const why =
        spec.kind === 'memfd'
          ? writeProblem(spec.seals, rights)
          : 'expected a memfd, because nothing else can be mapped; this is an object';
      if (why !== null) problems.add([...at, 'file'], why);
      const where = iovaProblem(iova, spec.size, device.model, iommu);
      if (where !== null && iommu.kind !== 'none') problems.add([...at, 'iova'], where);
      const end = iova + Math.ceil(spec.size / PAGE) * PAGE;
      const other = taken.find((each) => iova < each.end && each.iova < end);
      if (other !== undefined)
        problems.add(
          [...at, 'iova'],
          `expected a free address range; ${shown(other.file)} is mapped from ${hex(other.iova)} to ${hex(other.end)}`,
        );
      taken.push({ iova, end, file });
    }
  }
  giveTokens({ devices, iommu }, sessions, problems);
}

function writeProblem(seals: readonly string[], rights: string): string | null {
  const seal = seals.find((each) => each === 'write' || each === 'future_write');
  return seal === undefined || rights === 'r'
    ? null
    : `expected rights: r, because the file is sealed against writing (${seal})`;
}

function giveTokens(
  { devices, iommu }: Pick<DevicePlan, 'devices' | 'iommu'>,
  sessions: readonly SessionOfDevice[],
  problems: Problems,
): void {
  const byName = new Map(sessions.map((session) => [session.name, session]));
  const taken = new Map<string, Set<Token>>();
  for (const [index, device] of devices.entries()) {
    if (device.session === null) continue;
    const session = byName.get(device.session);
    if (session === undefined) {
      unknown('session', device.session, byName.keys(), ['devices', index, 'session'], problems);
      continue;
    }
    const tokens = taken.get(session.name) ?? new Set(tokensOf(session));
    taken.set(session.name, tokens);
    if (device.token === null) {
      device.token = freeToken(tokens, 1);
    } else if (tokens.has(device.token)) {
      problems.add(
        ['devices', index, 'token'],
        `expected a unique token in session ${shown(session.name)}; ${device.token} is taken`,
      );
    }
    tokens.add(device.token);
  }
  // After the tokens that the scenario names itself.
  for (const device of devices) {
    const tokens = taken.get(device.session ?? '');
    if (tokens === undefined || iommu.preserve === 'recreate' || device.preserve === 'recreate') continue;
    device.iommuToken = freeToken(tokens, 1);
    tokens.add(device.iommuToken);
  }
}

function unknown(what: string, name: string, known: Iterable<string>, path: Path, problems: Problems): void {
  const names = [...known];
  const near = nearest(name, names);
  problems.add(
    path,
    `no ${what} ${shown(name)} is in this scenario`,
    near !== null ? `did you mean "${near}"?` : names.length > 0 ? `there is ${listed(names, 8)}` : `there is none`,
  );
}
