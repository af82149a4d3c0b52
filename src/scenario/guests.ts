// SPDX-License-Identifier: Apache-2.0
// Is a guest as it was written possible?
import { guestFiles, type GuestFileSpec, type GuestSpec } from '../model/guest.js';
import type { Path } from './document.js';
import { LIMITS, PAGE } from './limits.js';
import type { Problems } from './problems.js';

/** @param path the mapping that holds the guest's parts */
export function checkGuest({ size, kind, features }: GuestSpec, path: Path, problems: Problems): void {
  const at = [...path, 'size'];
  if (size % PAGE !== 0) problems.add(at, `expected whole pages of ${PAGE} bytes, found ${size} bytes`);
  else if (size < LIMITS.guestLeast || size > LIMITS.guestMost) problems.add(at, `expected 1MiB to 3GiB for a guest, found ${size} bytes`);
  else if (kind === 'linux' && size < LIMITS.guestLinux) problems.add(at, `expected at least 48MiB for a guest with Linux, found ${size} bytes`);
  if (kind === 'linux' && features.length > 0) problems.add([...path, 'features'], 'features are what the bare guest is told to use; this one is linux', null, 'key');
}

/** The two memfds of a guest, as files of the run. */
export function filesOfGuest(spec: GuestSpec): { ram: GuestFileSpec; state: GuestFileSpec } {
  const { ram, state } = guestFiles(spec.name);
  const common = { guest: spec, seed: spec.seed, holes: [] };
  return { ram: { kind: 'guest-ram', file: ram, size: spec.size, ...common }, state: { kind: 'guest-state', file: state, size: 0, ...common } };
}
