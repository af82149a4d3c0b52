// SPDX-License-Identifier: Apache-2.0
// What is known about KVM on this host, without trying it: for `lab doctor`.
import { findProgram } from '../../images/index.js';
import { QEMU } from '../../qemu/process.js';
import { type KvmAccess, kvmAccess } from './access.js';
import { type HostIdentity, hostIdentity, sameIdentity } from './identity.js';
import { answersFile, EXPIRES_DAYS, findAnswer, readAnswers, type StoredAnswer } from './memory.js';

export interface KvmState {
  access: KvmAccess;
  /** This host as it is now; null without QEMU. */
  on: HostIdentity | null;
  /** The last answer of this host. */
  answer: StoredAnswer | null;
  /** The next `--accel auto` takes the answer as it is. */
  counts: boolean;
  /** What has changed since the answer, or that it is old; null if it counts. */
  whyNot: string | null;
}

/** @param access how the device can be opened, which tests replace */
export async function kvmState(
  cacheDir: string,
  access: KvmAccess = kvmAccess(),
): Promise<KvmState & { breakpoints: StoredAnswer | null }> {
  const qemu = findProgram(QEMU);
  const on = qemu === null ? null : await hostIdentity(qemu);
  const host = { access, on, now: Date.now() };
  return {
    ...stateOf(readAnswers(answersFile(cacheDir)), host),
    breakpoints: stateOf(readAnswers(answersFile(cacheDir, 'breakpoints')), host).answer,
  };
}

export function stateOf(
  answers: readonly StoredAnswer[],
  { access, on, now }: { access: KvmAccess; on: HostIdentity | null; now: number },
): KvmState {
  const answer = on === null ? null : (answers.find((each) => each.on.host === on.host) ?? null);
  if (on === null || answer === null) return { access, on, answer, counts: false, whyNot: null };
  const counts = findAnswer([answer], on, { now, asked: now }) !== null;
  return { access, on, answer, counts, whyNot: counts ? null : reasonOf(answer, on) };
}

function reasonOf(answer: StoredAnswer, on: HostIdentity): string {
  if (answer.verdict === 'unknown') return 'it says nothing about KVM';
  if (sameIdentity(answer.on, on)) return `it is older than ${EXPIRES_DAYS} days, or its date is in the future`;
  const changed = [
    answer.on.qemu !== on.qemu || answer.on.binary !== on.binary ? 'QEMU' : '',
    answer.on.kernel !== on.kernel ? "the host's kernel" : '',
    answer.on.cpu !== on.cpu ? 'the processor' : '',
  ].filter((what) => what !== '');
  return `changed since: ${changed.join(', ')}`;
}
