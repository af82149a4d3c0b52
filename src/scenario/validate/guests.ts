// SPDX-License-Identifier: Apache-2.0
// Checks a guest.
import type { DevicePlan } from '../../model/scenario/device.js';
import { guestFiles, type GuestFileSpec, type GuestSpec, MAX_RAM_WITH_DEVICE } from '../../model/scenario/guest.js';
import { nearest } from '../../util/text/nearest.js';
import { EDU_BITS } from './devices.js';
import type { Path } from '../source/document.js';
import { LIMITS, PAGE } from '../schema/limits.js';
import { shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';

/** @param path the mapping with the guest's parts */
export function checkGuest(spec: GuestSpec, hardware: DevicePlan, path: Path, problems: Problems): void {
  const { size, kind, features, devices } = spec;
  const at = [...path, 'size'];
  if (size % PAGE !== 0) problems.add(at, `expected a multiple of ${PAGE} bytes, found ${size} bytes`);
  else if (size < LIMITS.guestLeast || size > LIMITS.guestMost)
    problems.add(at, `expected 1MiB to 3GiB for a guest, found ${size} bytes`);
  else if (kind === 'linux' && size < LIMITS.guestLinux)
    problems.add(at, `expected at least 48MiB for a guest with Linux, found ${size} bytes`);
  if (kind === 'linux' && features.length > 0)
    problems.add([...path, 'features'], 'only the bare guest has features; this one is linux', null, 'key');
  if (devices.length > 0) checkDevices(spec, hardware, [...path, 'devices'], problems);
}

function checkDevices(
  { kind, size, devices }: GuestSpec,
  { iommu, devices: known }: DevicePlan,
  path: Path,
  problems: Problems,
): void {
  if (kind === 'linux') problems.add(path, 'only the bare guest can use devices; this one is linux', null, 'key');
  else if (size > MAX_RAM_WITH_DEVICE)
    problems.add(
      [...path.slice(0, -1), 'size'],
      `expected at most 256MiB for a guest with a device, because edu has ${EDU_BITS} address bits; ` +
        `found ${size} bytes`,
    );
  if (iommu.kind === 'none')
    problems.add(
      path,
      'expected an IOMMU, because a guest can only use a device behind one',
      'add iommu: intel',
      'key',
    );
  for (const [at, name] of devices.entries()) {
    const device = known.find((each) => each.name === name);
    const near = nearest(
      name,
      known.map((each) => each.name),
    );
    if (device === undefined)
      problems.add(
        [...path, at],
        `no device ${shown(name)} is in this scenario`,
        near !== null ? `did you mean "${near}"?` : 'name it under devices',
      );
    else if (device.model !== 'edu')
      problems.add(
        [...path, at],
        `expected an edu, because the bare guest drives no other device; ${shown(name)} is ${device.model}`,
      );
    if (devices.indexOf(name) < at) problems.add([...path, at], `${shown(name)} is named twice`);
  }
}

/** The two memfds of a guest as files of the run. */
export function filesOfGuest(spec: GuestSpec): { ram: GuestFileSpec; state: GuestFileSpec } {
  const { ram, state } = guestFiles(spec.name);
  const common = { guest: spec, seed: spec.seed, holes: [] };
  return {
    ram: { kind: 'guest-ram', file: ram, size: spec.size, ...common },
    state: { kind: 'guest-state', file: state, size: 0, ...common },
  };
}
