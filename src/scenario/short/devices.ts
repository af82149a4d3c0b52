// SPDX-License-Identifier: Apache-2.0
// The short form: devices with mappings become steps around those of the sessions.
import type { DevicePlan, DevicePreserve, DeviceSpec } from '../../model/scenario/device.js';
import { guestFiles, type GuestSpec } from '../../model/scenario/guest.js';
import type { FileSpec } from '../../model/scenario/scenario.js';
import { freeToken, type Token } from '../../model/scenario/token.js';
import { nearest } from '../../util/text/nearest.js';
import type { Path } from '../document.js';
import { hex, iovaProblem } from '../validate/devices.js';
import { PAGE } from '../schema/limits.js';
import { listed, shown } from '../problem.js';
import type { Problems } from '../problems.js';
import type { KEXEC_WAYS } from '../schema/scenario.js';
import type { StepList } from '../explicit/steplist.js';

/** What the devices must know of a session. */
export interface SessionOfDevice {
  name: string;
  files: readonly { spec: FileSpec; token: Token }[];
  guests: readonly { spec: GuestSpec; token: Token; stateToken: Token }[];
}

/** A device of a guest sees its RAM where the guest does, and makes no transfers but the guest's. */
export function giveToGuests({ devices }: DevicePlan, guests: readonly GuestSpec[], problems: Problems): void {
  for (const [index, device] of devices.entries()) {
    const owner = guests.find((guest) => guest.devices.includes(device.name));
    if (owner === undefined) continue;
    for (const [key, given] of [
      ['map', device.map.length > 0],
      ['dma', device.inFlight],
    ] as const) {
      if (given)
        problems.add(
          ['devices', index, key],
          `${key} cannot be used with a guest's device; ${shown(device.name)} belongs to ${shown(owner.name)}, with all of its memory mapped`,
          null,
          'key',
        );
    }
    device.guest = owner.name;
    device.map = [{ file: guestFiles(owner.name).ram, iova: 0, rights: 'rw' }];
  }
}

/** Tokens of a session that are taken: of each file one, of each guest two. */
function tokensOf({ files, guests }: SessionOfDevice): Token[] {
  return [...files.map(({ token }) => token), ...guests.flatMap(({ token, stateToken }) => [token, stateToken])];
}

/**
 * Reports files and sessions that are not there, and places of IOVAs that cannot be; gives tokens to those that name
 * none.
 */
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
  // After all that name one themselves.
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

/** Writes the steps of all devices that are behind an IOMMU; those without one are only looked at from outside. */
export class DeviceExpansion {
  readonly #devices: readonly { device: DeviceSpec; path: Path }[];
  readonly #iommu: DevicePreserve;
  readonly #out: StepList;

  constructor({ devices, iommu }: DevicePlan, out: StepList) {
    this.#devices = iommu.kind === 'none' ? [] : devices.map((device, index) => ({ device, path: ['devices', index] }));
    this.#iommu = iommu.preserve;
    this.#out = out;
  }

  /** The files are filled and preserved. @param fresh the devices are not open yet */
  handIn(fresh: boolean): void {
    for (const { device, path } of this.#devices) {
      if (fresh && device.guest === null) this.#use(device, path, null);
      if (fresh && device.guest !== null) this.#out.add({ op: 'device-check', device: device.name }, path);
      const { preserve, session, token } = device;
      if (preserve === 'recreate' || session === null || token === null) continue;
      if (device.iommuToken !== null)
        this.#out.add(
          {
            op: 'iommu-preserve',
            device: device.name,
            session,
            token: device.iommuToken,
            optional: this.#iommu === 'if-supported',
          },
          path,
        );
      this.#out.add(
        { op: 'device-preserve', device: device.name, session, token, optional: preserve === 'if-supported' },
        path,
      );
    }
  }

  /** The kexec is next. What LUO must carry stays open, and so does what a transfer is under way on. */
  leave(way: (typeof KEXEC_WAYS)[number]): void {
    if (way === 'abort' || way === 'kill-agent') return;
    for (const { device, path } of this.#devices)
      if (!device.inFlight && device.preserve !== 'required') this.#close(device, path);
    // Nothing may stand between the beginning of a transfer and the jump.
    for (const { device, path } of this.#devices)
      if (device.inFlight) this.#out.add({ op: 'device-dma', device: device.name }, path);
  }

  /** The next kernel has its files. @param carried sessions and files that were asked back */
  takeBack(carried: readonly SessionOfDevice[]): void {
    for (const { device, path } of this.#devices) if (device.guest === null) this.#use(device, path, carried);
  }

  /** Guests are made, and do not run. @param carried as in takeBack; null where nothing was carried yet */
  attach(carried: readonly SessionOfDevice[] | null): void {
    for (const { device, path } of this.#devices) {
      if (device.guest === null) continue;
      this.#open(device, path, carried);
      this.#out.add({ op: 'guest-attach', guest: device.guest, device: device.name, reset: null }, path);
    }
  }

  /** Once their guests have gone on: who opens a device anew resets it, and the guest sets it up again. */
  checkThoseOfGuests(): void {
    for (const { device, path } of this.#devices)
      if (device.guest !== null) this.#out.add({ op: 'device-check', device: device.name }, path);
  }

  check(): void {
    for (const { device, path } of this.#devices) this.#out.add({ op: 'device-check', device: device.name }, path);
  }

  /** What a guest has goes with it. */
  end(): void {
    for (const { device, path } of this.#devices)
      if (device.guest === null) this.#out.add({ op: 'device-close', device: device.name, optional: false }, path);
  }

  #close(device: DeviceSpec, path: Path): void {
    this.#out.add({ op: 'device-close', device: device.name, optional: device.preserve === 'if-supported' }, path);
  }

  #use(device: DeviceSpec, path: Path, carried: readonly SessionOfDevice[] | null): void {
    this.#open(device, path, carried);
    this.#out.add({ op: 'device-check', device: device.name }, path);
  }

  #open(device: DeviceSpec, path: Path, carried: readonly SessionOfDevice[] | null): void {
    const { name, session, token, preserve } = device;
    const asked =
      carried !== null &&
      preserve !== 'recreate' &&
      session !== null &&
      token !== null &&
      carried.some((each) => each.name === session);
    if (asked && device.iommuToken !== null)
      this.#out.add(
        {
          op: 'iommu-retrieve',
          device: name,
          session,
          token: device.iommuToken,
          optional: this.#iommu === 'if-supported',
        },
        path,
      );
    if (asked)
      this.#out.add(
        { op: 'device-retrieve', device: name, session, token, optional: preserve === 'if-supported' },
        path,
      );
    // What LUO must carry is not made anew: without it there is nothing to go on with.
    if (!asked || preserve !== 'required') this.#out.add({ op: 'device-open', device: name, optional: asked }, path);
    // A descriptor that came back is bound to a new iommufd: its mappings are made there, before that takes the place
    // of the old tables.
    const there =
      carried === null
        ? null
        : new Set(
            carried.flatMap(({ files, guests }) => [
              ...files.map(({ spec }) => spec.file),
              ...guests.map(({ spec }) => guestFiles(spec.name).ram),
            ]),
          );
    for (const [number, map] of device.map.entries()) {
      if (there === null || there.has(map.file))
        this.#out.add(
          { op: 'device-map', device: name, map, optional: asked },
          device.guest === null ? [...path, 'map', number] : path,
        );
    }
  }
}
