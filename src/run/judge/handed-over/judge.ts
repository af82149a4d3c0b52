// SPDX-License-Identifier: Apache-2.0
// Judges every file that was handed over by its pages, and compares that with what the judge of patterns found.
import {
  type FileMetadata,
  type FollowedFile,
  type FollowedState,
  type HandedOverOfResult,
  judgesAgree,
} from '../../../model/evidence/handed-over.js';
import type { Outcome } from '../../../model/result/outcome.js';
import { tokenOf } from '../../../model/scenario/token.js';
import { isGuestFile } from '../../../model/scenario/guest.js';
import { type EndLook, lookAtEnd } from '../../../oracles/handed-over/follow.js';
import { metadataProblems } from '../../../oracles/handed-over/open-files.js';
import { judgePages, type PagesVerdict } from '../../../oracles/handed-over/verdict.js';
import { KhopIndex } from '../../../oracles/pages/khop.js';
import type { Needs } from '../../engine/parts.js';
import type { MarkedPages } from '../../machine/marked-pages.js';
import { reader } from '../../machine/view.js';
import { settlePages, structsOf } from '../pages.js';
import type { FileRecord } from '../records.js';
import { keyOf, keyOfKnown } from './key.js';
import { metadataIn } from './metadata.js';
import type { Followed, FollowedPages } from './state.js';

const HINT =
  'run it with --cold and --accel tcg, where the lab can stop the machine at the jump, on kernels whose layouts it ' +
  'knows (lab abi show)';
/** Files in result.json; the worst come first. */
const MAX_FILES = 1024;
const ORDER: readonly FollowedState[] = ['corrupt', 'lost', 'leaked', 'unjudged', 'released', 'preserved'];
const IMPLIES: Readonly<Record<FollowedState, Outcome | null>> = {
  corrupt: 'corrupt',
  lost: 'lost',
  leaked: 'leak',
  unjudged: null,
  released: null,
  preserved: null,
};

/**
 * Judges the files of an update.
 * @param marked the pages that are marked now; null if the machine has ended
 */
export async function judgeHandedOver(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>,
  records: readonly FileRecord[],
  marked: MarkedPages | null,
): Promise<HandedOverOfResult | null> {
  const { recorder, state } = parts;
  const { followed } = state;
  const nothing = { epoch: recorder.epoch, sessions: 0, pages: 0, files: [], filesLeftOut: 0, ms: 0, problems: [] };
  if (followed === null) return null;
  // Where the lab's agent preserves nothing, no other judge sees any content.
  const isAlone = records.length === 0;
  if (isAlone) recorder.witnesses.require('outside', recorder.epoch);
  if ('blind' in followed) {
    if (isAlone) recorder.witnesses.blind('outside', recorder.epoch, followed.blind, HINT);
    return { ...nothing, blind: followed.blind };
  }
  const started = recorder.clock.now();
  const known = new Map(records.map((record) => [keyOfKnown(record.file), record]));
  const look = marked === null ? null : await endLook(parts, followed, marked);
  if (isAlone && look !== null) recorder.witnesses.looked('outside', recorder.epoch, followed.prints.pages);
  else if (isAlone) recorder.witnesses.blind('outside', recorder.epoch, 'the array of pages was not found at the end');
  const files: FollowedFile[] = [];
  const metadataOf = look === null ? null : await metadataIn(parts);
  for (const file of followed.files) {
    const record = known.get(keyOf(file));
    const end = look === null ? null : await look(file);
    const after = file.before === null ? null : (metadataOf?.(end?.mapping ?? null) ?? null);
    const verdict = judgePages({
      pages: pagesOf(file),
      arrival: file.arrival,
      end,
      content: mayChange(followed, record) || isWritten(parts, file) ? 'may-change' : 'as-before',
      // The lab's agent maps a file to read it.
      metadata: mayHaveOtherMetadata(record)
        ? []
        : metadataProblems(file.before, after, record === undefined ? 'a-stranger' : 'nobody'),
    });
    const comparable = record === undefined || followed.touched.has(record.file.name) ? undefined : record;
    files.push(resultOf(file, verdict, comparable, after));
  }
  for (const file of files) report(parts, file);
  const sorted = files.sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  return {
    epoch: recorder.epoch,
    blind: null,
    sessions: followed.listing.sessions,
    pages: followed.listing.pages,
    files: sorted.slice(0, MAX_FILES),
    filesLeftOut: Math.max(0, sorted.length - MAX_FILES),
    ms: Math.round(followed.ms + recorder.clock.now() - started),
    problems: [
      ...followed.listing.problems,
      ...uncompared(files),
      ...(followed.prints.missing === 0 ? [] : [`${followed.prints.missing} pages have no fingerprint`]),
    ],
  };
}

function pagesOf({ runs }: Pick<FollowedPages, 'runs'>): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}

async function endLook(
  parts: Needs<'agents' | 'view'>,
  { prints }: Followed,
  { index }: MarkedPages,
): Promise<((file: FollowedPages) => Promise<EndLook>) | null> {
  // Released pages wait in lists of each CPU.
  await settlePages(parts);
  const array = await parts.view.pageArray();
  if (array === null) return null;
  const structOf = structsOf(parts.view.memory, array);
  return ({ runs, kind }) =>
    // Reserved memory stays marked.
    parts.view.scan(
      lookAtEnd(reader(parts.view), runs, { marked: kind === 'reserved' ? NONE : index, prints, structOf }),
    );
}

const NONE = new KhopIndex([]);

/** Memfds that are in the page cache of the next kernel, and whose inodes nobody compared. */
function uncompared(files: readonly FollowedFile[]): string[] {
  const unseen = files.filter(
    ({ handler, cached, before, after }) =>
      handler.startsWith('memfd') && cached > 0 && (before === null || after === null),
  ).length;
  return unseen === 0 ? [] : [`size, mode and seals of ${unseen} memfds: their inodes were not found in both kernels`];
}

/** True for the files of guests, and where a step of the scenario has written since the file came back. */
function mayChange({ patterns }: Followed, record: FileRecord | undefined): boolean {
  if (record === undefined) return false;
  const { file } = record;
  const was = patterns.get(keyOfKnown(file));
  return isGuestFile(file.spec) || was !== file.pattern || (file.retrieved !== null && file.retrieved.pattern !== was);
}

/** A scenario says of which descriptors a program writes to what is behind them. */
function isWritten({ state }: Needs<'state'>, { session, name }: FollowedPages): boolean {
  const token = session === null ? null : tokenOf(name);
  return session !== null && token !== null && state.descriptors.isWritten(session, token);
}

/** Guests write to their memory, and a step may have changed a file since it came back. */
function mayHaveOtherMetadata(record: FileRecord | undefined): boolean {
  if (record === undefined) return false;
  const { file } = record;
  return isGuestFile(file.spec) || (file.retrieved !== null && file.retrieved.reported !== file.reported);
}

function resultOf(
  file: FollowedPages,
  verdict: PagesVerdict,
  record: FileRecord | undefined,
  after: FileMetadata | null,
): FollowedFile {
  const { kind, session, name, handler, problem, before } = file;
  return {
    kind,
    session,
    name,
    handler,
    pages: pagesOf(file),
    ...verdict,
    problems: [...verdict.problems, ...(problem === null ? [] : [problem])],
    pattern: record?.verdict.state ?? null,
    before,
    after,
  };
}

function report({ recorder }: Needs<'recorder'>, file: FollowedFile): void {
  const { kind, session, name, pages, state, problems, pattern } = file;
  const label = session === null ? name : `session ${session}, token ${name}`;
  const detail = `${label} (${file.handler === '' ? '' : `${file.handler}, `}${pages} pages): ${problems.join('; ')}`;
  recorder.event({
    kind: 'oracle',
    oracle: `pages handed over: ${label}`,
    side: 'outside',
    ok: IMPLIES[state] === null,
    detail: `${state}${problems.length === 0 ? '' : `: ${problems.join('; ')}`}`,
  });
  // Pages that no list names may belong to the kernel itself.
  if (kind === 'others') return;
  if (pattern === null && IMPLIES[state] !== null)
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: kind === 'reserved' ? null : IMPLIES[state],
      title: `a file that was handed over is ${state}`,
      detail,
    });
  if (judgesAgree(file) === false)
    recorder.incident({
      source: 'memory',
      side: 'outside',
      // What was seen stands, from either judge.
      implies: pattern === 'intact' ? IMPLIES[state] : null,
      title: 'the two judges of content disagree',
      detail: `${detail || label}; followed by its pages it is ${state}, compared with its pattern it is ${pattern}`,
    });
}
