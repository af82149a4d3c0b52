// SPDX-License-Identifier: Apache-2.0
// The explicit form: steps on guests.
import { guestFiles, type GuestAction } from '../../model/scenario/guest.js';
import type { OperationsInput } from '../schema/steps.js';
import { seedOf } from '../steps/seed.js';

type Given<K extends keyof OperationsInput> = Exclude<OperationsInput[K], undefined>;
type Named<Site> = (text: string, site: Site, ...keys: string[]) => string;

/** One function for each operation on a guest. */
export function guestTranslations<Site>(named: Named<Site>) {
  const guestOf = (value: string | { guest: string }, site: Site): string =>
    typeof value === 'string' ? named(value, site) : named(value.guest, site, 'guest');
  const plain =
    <Op extends 'guest-run' | 'guest-pause' | 'guest-resume' | 'guest-check' | 'guest-close'>(op: Op) =>
    (value: Given<Op>, site: Site): GuestAction => ({ op, guest: guestOf(value, site) });
  return {
    'guest-create': (value: Given<'guest-create'>, site: Site): GuestAction => {
      const guest = guestOf(value, site);
      const { kind, vcpus, size, features, devices } = value;
      return {
        op: 'guest-create',
        guest,
        spec: { name: guest, kind, vcpus, size, features, devices, seed: value.seed ?? seedOf(guest) },
      };
    },
    'guest-run': plain('guest-run'),
    'guest-wait': (value: Given<'guest-wait'>, site: Site): GuestAction => ({
      op: 'guest-wait',
      guest: guestOf(value, site),
      ticks: value.ticks,
    }),
    'guest-pause': plain('guest-pause'),
    'guest-save': (value: Given<'guest-save'>, site: Site): GuestAction => ({
      op: 'guest-save',
      guest: guestOf(value, site),
      version: typeof value === 'string' ? null : (value.version ?? null),
    }),
    'guest-restore': (value: Given<'guest-restore'>, site: Site): GuestAction => {
      const guest = guestOf(value, site);
      const files = guestFiles(guest);
      if (typeof value === 'string') return { op: 'guest-restore', guest, ...files, skip: [], reads: null };
      const { ram, state, skip, reads } = value;
      return {
        op: 'guest-restore',
        guest,
        skip,
        reads: reads ?? null,
        ram: ram === undefined ? files.ram : named(ram, site, 'ram'),
        state: state === undefined ? files.state : named(state, site, 'state'),
      };
    },
    'guest-attach': (value: Given<'guest-attach'>, site: Site): GuestAction => ({
      op: 'guest-attach',
      guest: guestOf(value, site),
      device: value.device,
      reset: value.reset ?? null,
    }),
    'guest-resume': plain('guest-resume'),
    'guest-check': plain('guest-check'),
    'guest-close': plain('guest-close'),
  };
}
