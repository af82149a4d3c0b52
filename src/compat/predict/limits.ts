// SPDX-License-Identifier: Apache-2.0
// How much a kernel's live update takes: sessions, files of a session, bytes of a name. What is beyond is refused as
// it is made.
import type { Scenario, Step } from '../../model/scenario/scenario.js';
import { isMeantToWork } from './device-effects.js';
import { isSince } from '../binary/kernel-size.js';
import type { KernelFacts } from './predict.js';
import type { Ruling } from './ruling.js';
import { componentOf, writtenBy } from '../versions.js';

interface Limits {
  /** Sessions at a time; the errno of one more. */
  sessions: number;
  tooManySessions: string;
  /** Files of one session. */
  files: number;
}

/**
 * By version of luo. v1: an array of 16 pages for sessions and of two pages for the files of each (luo_session.c and
 * luo_file.c, 6.19 and 7.1).
 * v5: chains of up to 10,000 pages (kho_block.c, 7.2), 51 sessions or 63 files in each.
 */
const LIMITS: Readonly<Record<number, Limits>> = {
  1: { sessions: 819, tooManySessions: 'ENOMEM', files: 128 },
  5: { sessions: 510_000, tooManySessions: 'ENOSPC', files: 630_000 },
};

/** LIVEUPDATE_SESSION_NAME_LENGTH, the terminator included. */
const NAME_FIELD = 64;
/** From this series on a name must leave room for its terminator, and have a character. */
const NAMES_CHECKED_SINCE = [7, 1] as const;

/** What the limits of the kernel of `epoch` make of the update that begins there; null where it keeps within them. */
export function limitRuling({ steps }: Pick<Scenario, 'steps'>, from: KernelFacts, epoch: number): Ruling | null {
  const own = steps.filter((step) => step.epoch === epoch);
  return nameRuling(own, from) ?? countRuling(own, from);
}

function nameRuling(steps: readonly Step[], { release }: KernelFacts): Ruling | null {
  const checked = isSince(release, NAMES_CHECKED_SINCE);
  for (const step of steps) {
    if (step.op !== 'create' || !isMeantToWork(step)) continue;
    const bytes = Buffer.byteLength(step.session);
    if (bytes > 0 && bytes < NAME_FIELD) continue;
    if (checked === true) {
      const reason = `the old kernel takes names of 1 to ${NAME_FIELD - 1} bytes, and one session's has ${bytes}`;
      return refusal('create failed with EINVAL', reason);
    }
    if (checked === false && bytes >= NAME_FIELD && !isClosed(steps, step.session)) {
      return {
        outcome: 'leak',
        endsIn: 'leak',
        where: 'luo_session_retrieve',
        component: 'luo',
        signs: ['ENOENT', 'leaked'],
        reason: `the old kernel keeps ${NAME_FIELD - 1} of a session name's ${bytes} bytes: nobody finds it by either`,
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
    if (step.op === 'create' && isMeantToWork(step)) {
      if (open.size >= limits.sessions) {
        const reason = `the old kernel holds ${limits.sessions} sessions at a time, and the scenario makes one more`;
        return refusal(`create failed with ${limits.tooManySessions}`, reason);
      }
      open.set(step.session, 0);
    } else if (step.op === 'close' && step.target.kind === 'session') {
      open.delete(step.target.name);
    } else if (step.op === 'preserve' && isMeantToWork(step)) {
      const held = (open.get(step.session) ?? 0) + 1;
      if (held > limits.files) {
        const reason = `a session of the old kernel holds ${limits.files} files, and one is given more`;
        return refusal('preserve failed with ENOSPC', reason);
      }
      open.set(step.session, held);
    }
  }
  return null;
}

function refusal(sign: string, reason: string): Ruling {
  return { outcome: 'refused', endsIn: 'none', where: null, component: 'luo', signs: [sign], reason };
}
