// SPDX-License-Identifier: Apache-2.0
// After a refusal the sessions are closed: the old kernel must take back everything that they hold.
import { inWindow } from '../../util/window.js';
import { MAX_IN_FLIGHT } from '../agent/client.js';
import { checkInside, insideProblems } from '../agent/inspect.js';
import { usedSessions } from '../agent/probe.js';
import type { Needs } from '../engine/parts.js';
import type { PreservedPages } from '../state/run-state.js';
import { preservedPages } from '../update/handover.js';
import { filled, isNamed } from './refusal.js';

/**
 * Sessions that are still open are closed: the old kernel must take back what they hold, and what was in them must be
 * as it was. Nothing of it may stay set aside for a next kernel.
 */
export async function closeSessions(parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>): Promise<void> {
  const { state, recorder } = parts;
  const open = await preservedPages(parts);
  const held = state
    .preservedFiles()
    .reduce((sum, { runs }) => sum + runs.reduce((pages, { count }) => pages + count, 0), 0);
  await inWindow(
    [...state.sessions.values()].filter(({ kind }) => kind === 'outgoing'),
    MAX_IN_FLIGHT,
    async ({ name }) => {
      const replies = await Promise.all(
        parts.agents.holders({ kind: 'session', name }).map((each) => each.call('close', { session: name })),
      );
      const reply = replies.find(({ ok }) => !ok);
      if (reply === undefined) state.closeSession(name);
      else
        recorder.incident({
          source: 'agent',
          side: 'inside',
          implies: 'leak',
          title: 'a session cannot be closed',
          detail: `${name}: ${reply.errno} (${reply.at})`,
        });
    },
  );
  await inWindow(
    filled(state).filter((file) => isNamed(state, file)),
    MAX_IN_FLIGHT,
    async (file) => {
      await checkInside(parts, file, file.name);
      const problems = insideProblems(file);
      if (problems.length === 0) return;
      recorder.incident({
        source: 'agent',
        side: 'inside',
        implies: 'corrupt',
        title: `${file.spec.kind} is corrupt once its session is closed`,
        detail: `${file.name}: ${problems.join('; ')}`,
      });
    },
  );
  await nothingPreserved(parts, { open, held });
}

/** The map of what is preserved for a next kernel must be as it was before the first session. */
async function nothingPreserved(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view'>,
  { open, held }: { open: PreservedPages; held: number },
): Promise<void> {
  const { state, recorder } = parts;
  const { witnesses, epoch } = recorder;
  if (!usedSessions(parts)) return;
  witnesses.require('marks', epoch);
  const [before, now] = [state.preservedAtStart, await preservedPages(parts)];
  const blind = (why: string) =>
    witnesses.blind(
      'marks',
      epoch,
      `what stays set aside in the old kernel after the refusal cannot be seen: ${why}`,
      "give the kernel's System.map beside its image",
    );
  if ('hidden' in before) return blind(before.hidden);
  if ('hidden' in open) return blind(open.hidden);
  if ('hidden' in now) return blind(now.hidden);
  // Who cannot see what the sessions held does not see what stays of it.
  if (open.pages - before.pages < held)
    return blind(
      `sessions held ${held} pages of files, and the map showed ${open.pages - before.pages} more than before them`,
    );
  witnesses.looked('marks', epoch, before.pages);
  const stays = now.pages - before.pages;
  recorder.event({
    kind: 'oracle',
    oracle: 'pages set aside in the old kernel',
    side: 'outside',
    ok: stays === 0,
    detail:
      `${before.pages} before the first session, ${open.pages} with sessions open, ` +
      `${now.pages} once all are closed`,
  });
  if (stays === 0) return;
  recorder.incident({
    source: 'memory',
    side: 'outside',
    implies: 'leak',
    title: 'pages stay set aside in the old kernel',
    detail: `${stays} pages are still preserved for a next kernel, although every session is closed`,
  });
}
