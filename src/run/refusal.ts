// SPDX-License-Identifier: Apache-2.0
// The update was called off: proves that the old kernel runs on and that everything in it is intact.
import { isGuestFile } from '../model/guest.js';
import { fateFromInside, fateOfReturned } from '../oracles/fate.js';
import { checkInside, insideProblems } from './check.js';
import type { RunContext } from './context.js';
import { setAside } from './handover.js';
import type { FileRecord } from './judge.js';
import { reader } from './look.js';
import { pagesOfFile } from './pages-of-file.js';
import { noteContent } from './sight.js';
import type { FileState, RunState } from './state.js';

/** @returns a record of every file that the agent has, with its pages */
export async function judgeRefusal(context: RunContext, why: string): Promise<FileRecord[]> {
  const { recorder, state, machine } = context;
  const records: FileRecord[] = [];
  for (const file of filled(state)) {
    await checkInside(context, file, file.name);
    const problems = insideProblems(file);
    const { runs, hidden } = await pagesOfFile(context, file.name, file.spec.size);
    const badPages = file.inside?.bad ?? 0;
    const fate = hidden === null ? fateOfReturned(reader(machine), file.pattern, runs, runs, { problems, badPages })
      : fateFromInside({ problems, badPages, pages: file.inside?.pages ?? 0 });
    recorder.event({
      kind: 'oracle', oracle: `content of ${file.name} in the old kernel`, side: 'outside', ok: fate.fate === 'intact', detail: `${fate.look.equal} of ${fate.look.pages} pages`,
    });
    if (fate.fate !== 'intact') {
      recorder.incident({ source: 'memory', side: 'outside', implies: 'corrupt', title: `${file.spec.kind} is corrupt in the old kernel`, detail: `${file.name}: ${fate.problems.join('; ')}` });
    }
    const { name, held, spec, pattern, before, hugeKiB } = file;
    records.push({ kind: spec.kind, fate, file: { name, session: held[0]?.session ?? null, token: held[0]?.token ?? null, spec, pattern, runs, hidden: hidden ?? undefined, before, hugeKiB, retrieved: file, errno: null } });
  }
  for (const witness of ['inside', 'outside'] as const) if (records.length > 0) recorder.witnesses.require(witness, recorder.epoch);
  noteContent(context, records);
  recorder.incident({ source: 'agent', side: 'inside', implies: 'refused', title: 'the update was called off', detail: why });
  return records;
}

/** Files that hold what the lab put there; a guest's own are judged with it. */
function filled(state: RunState): FileState[] {
  return [...new Set(state.files.values())].filter(({ spec }) => !isGuestFile(spec));
}

/**
 * Sessions that are still open are closed: the old kernel must take back what they hold, and what was in them must be as it was.
 * Nothing of it may stay set aside for a next kernel.
 */
export async function letGo(context: RunContext): Promise<void> {
  const { state, agent, deadlines, machine, recorder } = context;
  const open = await setAside(context);
  for (const session of [...state.sessions.values()].filter(({ kind }) => kind === 'outgoing')) {
    const reply = await agent.request('close', { session: session.name }, deadlines.request(), machine.ended);
    if (!reply.ok) recorder.incident({ source: 'agent', side: 'inside', implies: null, title: 'a session cannot be closed', detail: `${session.name}: ${reply.errno} (${reply.at})` });
    else state.sessions.delete(session.name);
  }
  for (const file of filled(state)) {
    await checkInside(context, file, file.name);
    const problems = insideProblems(file);
    if (problems.length === 0) continue;
    recorder.incident({ source: 'agent', side: 'inside', implies: 'corrupt', title: `${file.spec.kind} is corrupt once its session is closed`, detail: `${file.name}: ${problems.join('; ')}` });
  }
  await nothingSetAside(context, open);
}

/** The map of what is preserved for a next kernel must be as it was before the first session. */
async function nothingSetAside(context: RunContext, open: number | null): Promise<void> {
  const { state, recorder } = context;
  const before = state.trackedBefore;
  const now = before === null ? null : await setAside(context);
  if (before === null || now === null) return;
  recorder.event({ kind: 'oracle', oracle: 'pages set aside in the old kernel', side: 'outside', ok: now === before, detail: `${before} before the first session, ${open ?? '?'} with sessions open, ${now} once all are closed` });
  if (now !== before) {
    recorder.incident({
      source: 'memory', side: 'outside', implies: 'leak', title: 'pages stay set aside in the old kernel',
      detail: `${now - before} pages are still preserved for a next kernel, although every session is closed`,
    });
  }
}
