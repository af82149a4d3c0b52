// SPDX-License-Identifier: Apache-2.0
// Closes the sessions after a refusal: the old kernel must take back everything that they hold.
import { inWindow } from '../../util/window.js';
import { MAX_IN_FLIGHT } from '../agent/client.js';
import { checkInside, insideProblems } from '../agent/inspect.js';
import { usedSessions } from '../agent/probe.js';
import type { Needs } from '../engine/parts.js';
import type { PreservedPages } from '../state/run-state.js';
import { preservedPages } from '../update/handover.js';
import { filled, isNamed } from './refusal.js';

/** Closes the sessions that are still open. Their files must be unchanged, and no page may stay set aside. */
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

/** The map of preserved pages must be the same as before the first session. */
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
      `the pages that stay set aside in the old kernel after the refusal cannot be seen: ${why}`,
      "give the kernel's System.map beside its image",
    );
  if ('hidden' in before) return blind(before.hidden);
  if ('hidden' in open) return blind(open.hidden);
  if ('hidden' in now) return blind(now.hidden);
  // If the map does not show what the sessions held, it will not show what stays of it.
  if (open.pages - before.pages < held)
    return blind(
      `the sessions held ${held} pages of files, and the map showed only ${open.pages - before.pages} more pages`,
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
      `${now.pages} after all are closed`,
  });
  if (stays === 0) return;
  recorder.incident({
    source: 'memory',
    side: 'outside',
    implies: 'leak',
    title: 'pages stay set aside in the old kernel',
    detail: `${stays} pages are still preserved for the next kernel, although every session is closed`,
  });
}
