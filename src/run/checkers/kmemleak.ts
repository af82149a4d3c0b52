// SPDX-License-Identifier: Apache-2.0
// The witness `kmemleak`: a kernel with that checker looks in its own memory for objects that nobody points to. This is
// the last look at a kernel: it takes more than five seconds, because younger objects are not reported.
import { type AgentReply, numberOf, textOf } from '../../guest/agent.js';
import { type LeakedObjects, readKmemleak } from '../../oracles/checkers/kmemleak.js';
import type { Needs } from '../engine/parts.js';
import { hasChecker } from './has.js';

/** jiffies_min_age of mm/kmemleak.c, and a little more. */
const MIN_AGE_MS = 5200;

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'it needs debugfs, and a command line without kmemleak=off',
  EPERM:
    'kmemleak turned itself off: too little memory, CONFIG_DEBUG_KMEMLEAK_MEM_POOL_SIZE too small, or kmemleak=off',
};

/** Does nothing with a kernel that has no kmemleak. */
export async function lookForLeakedObjects(parts: Needs<'plan' | 'recorder' | 'agents' | 'taint'>): Promise<void> {
  const { recorder, agents } = parts;
  const { epoch, witnesses } = recorder;
  const has = hasChecker(parts, 'kmemleak');
  if (has === false) return;
  if (has === true) witnesses.require('kmemleak', epoch);
  const reply = await recorder.task('kmemleak', () =>
    agents.call('kmemleak', { ms: MIN_AGE_MS }, { waits: MIN_AGE_MS }),
  );
  if (!reply.ok) {
    if (has === true) sayBlind(parts, reply);
    return;
  }
  witnesses.require('kmemleak', epoch);
  const list = readKmemleak(textOf(reply, 'reports'));
  const objects = reply.data['objects'] === undefined ? null : numberOf(reply, 'objects');
  if (list === null)
    witnesses.blind('kmemleak', epoch, 'the list of leaked objects is not in the form that the lab knows');
  else if (objects === null || objects === 0)
    witnesses.blind(
      'kmemleak',
      epoch,
      'the kernel does not say how many objects kmemleak follows',
      'it needs CONFIG_SLUB_DEBUG, for /proc/slabinfo',
    );
  else witnesses.looked('kmemleak', epoch, objects);
  const found = list?.objects ?? 0;
  recorder.event({
    kind: 'oracle',
    oracle: 'objects that nobody points to',
    side: 'inside',
    ok: found === 0,
    detail: `${found} of ${objects ?? '?'} objects${reply.data['cut'] === true ? '; the list is longer' : ''}`,
  });
  for (const group of list?.groups ?? []) {
    parts.taint.shows('sanitizer', {
      source: 'agent',
      side: 'inside',
      title: `kmemleak: memory that nobody points to, from ${group.where ?? 'an unknown function'}`,
      detail: detailOf(group),
    });
  }
}

function sayBlind({ recorder }: Needs<'recorder'>, { errno, at }: AgentReply): void {
  recorder.witnesses.blind(
    'kmemleak',
    recorder.epoch,
    `no scan: ${errno ?? '?'}${at === null ? '' : ` (${at})`}`,
    HINTS[errno ?? ''] ?? null,
  );
}

function detailOf({ objects, bytes, text }: LeakedObjects): string {
  const many = objects === 1 ? '1 object' : `${objects} objects from the same place`;
  return [`${many}, ${bytes} bytes`, ...text].join('\n');
}
