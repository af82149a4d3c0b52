// SPDX-License-Identifier: Apache-2.0
// The update was called off: proves that the old kernel runs on and that everything in it is intact.
import { fateOfReturned } from '../oracles/fate.js';
import { LabError } from '../util/errors.js';
import { checkInside, insideProblems } from './check.js';
import type { RunContext } from './context.js';
import type { FileRecord } from './judge.js';
import { reader } from './look.js';
import { runsOf } from './operations.js';

/** @returns a record of every file that the agent has, with its pages */
export async function judgeRefusal(context: RunContext, why: string): Promise<FileRecord[]> {
  const { recorder, state, agent, deadlines, machine } = context;
  const records: FileRecord[] = [];
  for (const file of new Set(state.files.values())) {
    await checkInside(context, file, file.name);
    const problems = insideProblems(file);
    const reply = await agent.request('pfns', { file: file.name }, deadlines.request(file.spec.size), machine.ended);
    if (!reply.ok) throw new LabError(`${file.name}: the agent does not tell its pages (${reply.errno}), so nobody can look from outside`);
    const runs = runsOf(reply);
    const fate = fateOfReturned(reader(machine), file.pattern, runs, runs, { problems, badPages: file.inside?.bad ?? 0 });
    recorder.event({
      kind: 'oracle', oracle: `content of ${file.name} in the old kernel`, side: 'outside', ok: fate.fate === 'intact', detail: `${fate.look.equal} of ${fate.look.pages} pages`,
    });
    if (fate.fate !== 'intact') {
      recorder.incident({ source: 'memory', side: 'outside', implies: 'corrupt', title: `${file.spec.kind} is corrupt in the old kernel`, detail: `${file.name}: ${fate.problems.join('; ')}` });
    }
    const { name, held, spec, pattern, before, hugeKiB } = file;
    records.push({ kind: spec.kind, fate, file: { name, session: held?.session ?? null, token: held?.token ?? null, spec, pattern, runs, before, hugeKiB, retrieved: file, errno: null } });
  }
  recorder.incident({ source: 'agent', side: 'inside', implies: 'refused', title: 'the update was called off', detail: why });
  return records;
}

/**
 * Sessions that are still open are closed: the old kernel must take back what they hold, and what was in them must be as it was.
 * Nothing of it may stay set aside for a next kernel.
 */
export async function letGo(context: RunContext): Promise<void> {
  const { state, agent, deadlines, machine, recorder } = context;
  for (const session of [...state.sessions.values()].filter(({ kind }) => kind === 'outgoing')) {
    const reply = await agent.request('close', { session: session.name }, deadlines.request(), machine.ended);
    if (!reply.ok) recorder.incident({ source: 'agent', side: 'inside', implies: null, title: 'a session cannot be closed', detail: `${session.name}: ${reply.errno} (${reply.at})` });
    else state.sessions.delete(session.name);
  }
  for (const file of new Set(state.files.values())) {
    await checkInside(context, file, file.name);
    const problems = insideProblems(file);
    if (problems.length === 0) continue;
    recorder.incident({ source: 'agent', side: 'inside', implies: 'corrupt', title: `${file.spec.kind} is corrupt once its session is closed`, detail: `${file.name}: ${problems.join('; ')}` });
  }
}
