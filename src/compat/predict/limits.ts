// SPDX-License-Identifier: Apache-2.0
// The limits of a kernel's LUO: sessions, files in a session, bytes in a name. It refuses to create more.
import type { Scenario, Step } from '../../model/scenario/scenario.js';
import { shouldSucceed } from '../rules/expected-steps.js';
import { isSince } from '../binary/kernel-size.js';
import type { KernelFacts } from '../versions/kernel-facts.js';
import type { Ruling } from '../rules/ruling.js';
import { componentOf, writtenBy } from '../versions/versions.js';

interface Limits {
  /** Open sessions, and the errno for one more. */
  sessions: number;
  tooManySessions: string;
  /** Files in a session. */
  files: number;
}

/**
 * By version of luo. v1: an array of 16 pages for sessions, and one of two pages for the files of each session
 * (luo_session.c and luo_file.c, 6.19 and 7.1). v5: chains of up to 10,000 pages, each with 51 sessions or 63 files
 * (kho_block.c, 7.2).
 */
const LIMITS: Readonly<Record<number, Limits>> = {
  1: { sessions: 819, tooManySessions: 'ENOMEM', files: 128 },
  5: { sessions: 510_000, tooManySessions: 'ENOSPC', files: 630_000 },
};

/** LIVEUPDATE_SESSION_NAME_LENGTH, including the terminator. */
const NAME_FIELD = 64;
/** Since this series, a name must not be empty and must leave room for its terminator. */
const NAMES_CHECKED_SINCE = [7, 1] as const;

/** The effect of the limits on the update that starts in `epoch`; null if it stays within them. */
export function limitRuling({ steps }: Pick<Scenario, 'steps'>, from: KernelFacts, epoch: number): Ruling | null {
  const own = steps.filter((step) => step.epoch === epoch);
  return nameRuling(own, from) ?? countRuling(own, from);
}

function nameRuling(steps: readonly Step[], { release }: KernelFacts): Ruling | null {
  const checked = isSince(release, NAMES_CHECKED_SINCE);
  for (const step of steps) {
    if (step.op !== 'create' || !shouldSucceed(step)) continue;
    const bytes = Buffer.byteLength(step.session);
    if (bytes > 0 && bytes < NAME_FIELD) continue;
    if (checked === true) {
      const reason = `the old kernel accepts names of 1 to ${NAME_FIELD - 1} bytes, and a session's name has ${bytes}`;
      return refusal('create failed with EINVAL', reason);
    }
    if (checked === false && bytes >= NAME_FIELD && !isClosed(steps, step.session)) {
      return {
        outcome: 'leak',
        endsIn: 'leak',
        where: 'luo_session_retrieve',
        component: 'luo',
        signs: ['ENOENT', 'leaked'],
        reason:
          `the old kernel keeps ${NAME_FIELD - 1} of a session name's ${bytes} bytes, and neither name finds the ` +
          'session',
      };
    }
  }
  return null;
}

function isClosed(steps: readonly Step[], session: string): boolean {
  return steps.some((step) => step.op === 'close' && step.target.kind === 'session' && step.target.name === session);
}

function countRuling(steps: readonly Step[], { versions }: KernelFacts): Ruling | null {
  const limits = LIMITS[writtenBy(componentOf(versions, 'luo'))?.[0] ?? 0];
  if (limits === undefined) return null;
  const open = new Map<string, number>();
  for (const step of steps) {
    if (step.op === 'create' && shouldSucceed(step)) {
      if (open.size >= limits.sessions) {
        const reason = `the old kernel holds ${limits.sessions} sessions at a time, and the scenario creates one more`;
        return refusal(`create failed with ${limits.tooManySessions}`, reason);
      }
      open.set(step.session, 0);
    } else if (step.op === 'close' && step.target.kind === 'session') {
      open.delete(step.target.name);
    } else if (step.op === 'preserve' && shouldSucceed(step)) {
      const files = (open.get(step.session) ?? 0) + 1;
      if (files > limits.files) {
        const reason = `the old kernel holds ${limits.files} files in a session, and the scenario preserves more`;
        return refusal('preserve failed with ENOSPC', reason);
      }
      open.set(step.session, files);
    }
  }
  return null;
}

function refusal(sign: string, reason: string): Ruling {
  return { outcome: 'refused', endsIn: 'none', where: null, component: 'luo', signs: [sign], reason };
}
