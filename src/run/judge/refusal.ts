// SPDX-License-Identifier: Apache-2.0
// The update was called off: proves that the old kernel runs on, that everything in it is intact, and that it can still
// be updated.
import { isGuestFile } from '../../model/scenario/guest.js';
import { fileSeenInside, returnedFile, type FileVerdict } from '../../oracles/files/file-verdict.js';
import { inWindow } from '../../util/window.js';
import { checkInside, insideProblems } from '../agent/inspect.js';
import { MAX_IN_FLIGHT } from '../agent/client.js';
import type { Needs } from '../engine/parts.js';
import type { PreservedPages } from '../state/run-state.js';
import { preservedPages } from '../update/handover.js';
import type { FileRecord } from './records.js';
import { reader } from '../machine/view.js';
import { usedSessions } from '../agent/probe.js';
import { pagesOfFile } from '../agent/pages-of-file.js';
import { noteContent } from './sight.js';
import type { FileState } from '../state/file.js';
import type { RunState } from '../state/run-state.js';

/** @returns a record of every file that the agent or a session has, with its pages */
export async function judgeRefusal(parts: Needs<'recorder' | 'state' | 'agents' | 'view'>): Promise<FileRecord[]> {
  const { recorder, state } = parts;
  const files = filled(state);
  const looks = new Map<FileState, FileVerdict>();
  await inWindow(files, MAX_IN_FLIGHT, async (file) => {
    looks.set(file, await lookAt(parts, file));
  });
  const records = files.map((file): FileRecord => {
    const { name, held, spec, pattern, runs, hidden, before, hugeKiB } = file;
    const verdict = looks.get(file) as FileVerdict;
    if (verdict.state !== 'intact') {
      recorder.incident({
        source: 'memory',
        side: 'outside',
        implies: 'corrupt',
        title: `${spec.kind} is corrupt in the old kernel`,
        detail: `${name}: ${verdict.problems.join('; ')}`,
      });
    }
    const [holder] = held;
    return {
      kind: spec.kind,
      verdict,
      file: {
        name,
        session: holder?.session ?? null,
        token: holder?.token ?? null,
        spec,
        pattern,
        runs,
        hidden,
        before,
        hugeKiB,
        retrieved: file,
        errno: null,
      },
    };
  });
  records.push(...keptReserved(parts));
  if (records.length > 0) recorder.witnesses.require('outside', recorder.epoch);
  if (files.some((file) => isNamed(state, file))) recorder.witnesses.require('inside', recorder.epoch);
  noteContent(parts, records);
  heldByTests(parts);
  return records;
}

/**
 * What the first stage of one of upstream's own tests holds, it alone knows; and it says so to the next kernel only.
 */
function heldByTests({ recorder, state }: Needs<'recorder' | 'state'>): void {
  const stage = state.results.find(
    ({ operation, state: how }) =>
      operation.epoch === recorder.epoch && operation.op === 'kselftest' && operation.stage === 1 && how === 'done',
  )?.operation;
  if (stage?.op !== 'kselftest') return;
  recorder.witnesses.require('inside', recorder.epoch);
  recorder.witnesses.blind(
    'inside',
    recorder.epoch,
    `what ${stage.test} holds in the old kernel can be looked at by nobody`,
  );
}

/** Memory reserved by name lies where it lay. What was lost on the way into this kernel was told of then. */
function keptReserved({ view, recorder, state }: Needs<'recorder' | 'state' | 'view'>): FileRecord[] {
  return state.reserved
    .filter(({ name }) => !state.reservedGone.has(name))
    .map((file): FileRecord => {
      const verdict = returnedFile(reader(view), file.pattern, file.runs, file.runs, { problems: [], badPages: null });
      recorder.event({
        kind: 'oracle',
        oracle: `content of ${file.name} in the old kernel`,
        side: 'outside',
        ok: verdict.state === 'intact',
        detail: `${verdict.look.equal} of ${verdict.look.pages} pages`,
      });
      if (verdict.state !== 'intact') {
        recorder.incident({
          source: 'memory',
          side: 'outside',
          implies: 'corrupt',
          title: 'reserve_mem is corrupt in the old kernel',
          detail: `${file.name}: ${verdict.problems.join('; ')}`,
        });
      }
      return { kind: 'reserve_mem', file, verdict };
    });
}

async function lookAt(parts: Needs<'recorder' | 'state' | 'agents' | 'view'>, file: FileState): Promise<FileVerdict> {
  const { view, recorder, state } = parts;
  // One that the scenario has closed can be seen from outside only: its session keeps its pages where they were.
  const named = isNamed(state, file);
  if (named) {
    await checkInside(parts, file, file.name);
    const { runs, hidden } = await pagesOfFile(parts, file.name, file.spec.size);
    Object.assign(file, { runs, hidden: hidden ?? undefined });
  }
  const problems = named ? insideProblems(file) : [];
  const badPages = named ? (file.inside?.bad ?? 0) : null;
  const verdict =
    file.hidden === undefined
      ? returnedFile(reader(view), file.pattern, file.runs, file.runs, { problems, badPages })
      : fileSeenInside({ problems, badPages: badPages ?? 0, pages: file.inside?.pages ?? 0 });
  recorder.event({
    kind: 'oracle',
    oracle: `content of ${file.name} in the old kernel`,
    side: 'outside',
    ok: verdict.state === 'intact',
    detail: `${verdict.look.equal} of ${verdict.look.pages} pages`,
  });
  return verdict;
}

function isNamed(state: RunState, file: FileState): boolean {
  return state.files.get(file.name) === file;
}

/** Files that hold what the lab put there; a guest's own are judged with it. */
function filled(state: RunState): FileState[] {
  return [...new Set([...state.files.values(), ...state.held()])].filter(({ spec }) => !isGuestFile(spec));
}

/**
 * Sessions that are still open are closed: the old kernel must take back what they hold, and what was in them must be
 * as it was. Nothing of it may stay set aside for a next kernel.
 */
export async function closeSessions(parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>): Promise<void> {
  const { state, recorder } = parts;
  const open = await preservedPages(parts);
  const held = state.held().reduce((sum, { runs }) => sum + runs.reduce((pages, { count }) => pages + count, 0), 0);
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
    detail: `${before.pages} before the first session, ${open.pages} with sessions open, ${now.pages} once all are closed`,
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
