// SPDX-License-Identifier: Apache-2.0
// The witness `guest`: sees each guest from inside, by what it and its VMM report, and from outside, by its pages in
// the machine's memory. It counts the guests that were seen from both sides. One side alone does not prove that a guest
// is the same.
import type { OutsideView } from '../../oracles/files/outside.js';
import type { Witnesses } from '../../verdict/witnesses.js';
import type { GuestState } from '../state/guest.js';
import type { ExpectedFile } from '../state/file.js';

const PAGES_HINT = 'the kernel must report where the pages of a file are: build it with CONFIG_PROC_PAGE_MONITOR';

interface Blindness {
  why: string;
  hint: string | null;
}

type GuestFile = Pick<ExpectedFile, 'name' | 'before' | 'retrieved' | 'closed'>;

/**
 * Notes who saw a guest that was carried over an update.
 * @param files the guest's files as they were handed over
 */
export function witnessCarried(
  witnesses: Witnesses,
  epoch: number,
  guest: GuestState,
  files: readonly GuestFile[],
): void {
  witnesses.require('guest', epoch);
  const { now, left, arrival, spec, resumed, here } = guest;
  const chains = [
    ...(left?.chain == null ? ['before the kexec'] : []),
    ...(arrival === null ? ['after it'] : []),
    ...(resumed && here && now.chain === null ? ['after it was resumed'] : []),
  ];
  note(witnesses, epoch, [
    ...(now.stat === null ? [{ why: `the agent does not report the state of ${spec.name}`, hint: null }] : []),
    ...files.flatMap((file) => unseen(file)),
    ...(spec.kind === 'bare' && chains.length > 0
      ? [{ why: `the chain of ${spec.name} was not recomputed ${chains.join(' and ')}`, hint: PAGES_HINT }]
      : []),
  ]);
}

/** Notes who saw a guest of the old kernel after an update that was called off. */
export function witnessKept(witnesses: Witnesses, epoch: number, guest: GuestState): void {
  witnesses.require('guest', epoch);
  const { spec, now, arrival } = guest;
  note(witnesses, epoch, [
    ...(now.stat === null ? [{ why: `the agent does not report the state of ${spec.name}`, hint: null }] : []),
    ...(spec.kind === 'bare' && arrival === null
      ? [{ why: `the chain of ${spec.name} was not recomputed in the old kernel`, hint: PAGES_HINT }]
      : []),
  ]);
}

function note(witnesses: Witnesses, epoch: number, blind: readonly Blindness[]): void {
  for (const { why, hint } of blind) witnesses.blind('guest', epoch, why, hint);
  if (blind.length === 0) witnesses.looked('guest', epoch, 1);
}

function unseen({ name, before, retrieved, closed }: GuestFile): Blindness[] {
  if (retrieved === null || closed !== undefined) return [];
  return [
    ...blindLook(before, `${name} before the kexec`),
    ...blindLook(retrieved.arrival ?? null, `${name} after the kexec`),
  ];
}

function blindLook(look: OutsideView | null, what: string): Blindness[] {
  if (look === null) return [{ why: `${what} was not inspected from outside`, hint: null }];
  return look.pages === 0 ? [{ why: `no page of ${what} was found from outside`, hint: PAGES_HINT }] : [];
}
