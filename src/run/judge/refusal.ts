// SPDX-License-Identifier: Apache-2.0
// Judges the files in the old kernel after an update was called off: everything in it must be intact.
import { isGuestFile } from '../../model/scenario/guest.js';
import { fileSeenInside, type FileVerdict, returnedFile } from '../../oracles/files/file-verdict.js';
import { inWindow } from '../../util/window.js';
import { MAX_IN_FLIGHT } from '../agent/client.js';
import { checkInside, insideProblems } from '../agent/inspect.js';
import { pagesOfFile } from '../agent/pages-of-file.js';
import type { Needs } from '../engine/parts.js';
import { reader } from '../machine/view.js';
import type { FileState } from '../state/file.js';
import type { RunState } from '../state/run-state.js';
import type { FileRecord } from './records.js';
import { noteContent } from './sight.js';

/** @returns a record of every file that the agent or a session holds, with its pages */
export async function judgeRefusal(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>,
): Promise<FileRecord[]> {
  const { recorder, state } = parts;
  const files = filled(state);
  const looks = new Map<FileState, FileVerdict>();
  await inWindow(files, MAX_IN_FLIGHT, async (file) => {
    looks.set(file, await lookAt(parts, file));
  });
  const records = files.map((file): FileRecord => {
    const { name, preservedIn, spec, pattern, runs, hidden, before, hugeKiB } = file;
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
    const [holder] = preservedIn;
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
  records.push(...(await keptReserved(parts)));
  if (records.length > 0) recorder.witnesses.require('outside', recorder.epoch);
  if (files.some((file) => isNamed(state, file))) recorder.witnesses.require('inside', recorder.epoch);
  noteContent(parts, records);
  heldByTests(parts);
  return records;
}

/** Only one of upstream's own tests knows what its first stage holds, and it checks that only in the next kernel. */
function heldByTests({ recorder, state }: Needs<'recorder' | 'state'>): void {
  const stage = state.results.find(
    ({ operation, state: how }) =>
      operation.epoch === recorder.epoch && operation.op === 'kselftest' && operation.stage === 1 && how === 'done',
  )?.operation;
  if (stage?.op !== 'kselftest') return;
  recorder.witnesses.require('inside', recorder.epoch);
  recorder.witnesses.blind('inside', recorder.epoch, `what ${stage.test} holds cannot be checked in the old kernel`);
}

/** Memory reserved by name must be unchanged. Areas that an earlier update lost were reported then. */
async function keptReserved(parts: Needs<'recorder' | 'state' | 'view'>): Promise<FileRecord[]> {
  const { view, recorder, state } = parts;
  const records: FileRecord[] = [];
  for (const file of state.reserved.filter(({ name }) => !state.reservedGone.has(name))) {
    const verdict = await view.scan(
      returnedFile(reader(view), file.pattern, file.runs, file.runs, { problems: [], badPages: null }),
    );
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
    records.push({ kind: 'reserve_mem', file, verdict });
  }
  return records;
}

async function lookAt(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>,
  file: FileState,
): Promise<FileVerdict> {
  const { view, recorder, state } = parts;
  // A file that the scenario has closed can only be seen from outside: its session keeps its pages in place.
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
      ? await view.scan(returnedFile(reader(view), file.pattern, file.runs, file.runs, { problems, badPages }))
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

export function isNamed(state: RunState, file: FileState): boolean {
  return state.files.get(file.name) === file;
}

/** The files that the lab filled. Files of a guest are judged with the guest. */
export function filled(state: RunState): FileState[] {
  return [...new Set([...state.files.values(), ...state.preservedFiles()])].filter(({ spec }) => !isGuestFile(spec));
}
