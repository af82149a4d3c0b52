// SPDX-License-Identifier: Apache-2.0
// Steps on existing files: the request to the agent, and what the file must hold and report after it.
import type { AgentReply } from '../../guest/agent.js';
import type { FileAction } from '../../model/scenario/file-steps.js';
import type { FileSpec, MemfdSpec, WrittenPages } from '../../model/scenario/scenario.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { patternOf, punch, resize, writeTo } from '../../oracles/files/written.js';
import type { AgentRequest } from './client.js';
import type { Needs } from '../engine/parts.js';
import { printable } from '../../util/text/escape.js';
import { isRawAction } from '../../model/scenario/raw.js';
import { rawRequest } from './raw-operations.js';
import { expectedOf, sealsWith } from './reported.js';
import type { Reported } from '../state/file.js';
import type { FileState } from '../state/file.js';
import type { RunState } from '../state/run-state.js';

export function fileRequest(action: FileAction, state: RunState): AgentRequest {
  if (action.op === 'get-name')
    return { request: ['get-name', { session: action.session }], bytes: 0, target: action.session };
  if (isRawAction(action)) return rawRequest(action);
  const { file } = action;
  const size = state.files.get(file)?.spec.size ?? 0;
  switch (action.op) {
    case 'write':
      return {
        request: ['write', { file, seed: action.seed, first: action.first, count: action.count }],
        bytes: action.count * PAGE,
        target: file,
      };
    case 'truncate':
      return { request: ['truncate', { file, size: action.size }], bytes: size, target: file };
    case 'fallocate':
      return {
        request: ['fallocate', { file, offset: action.first * PAGE, length: action.count * PAGE, how: action.how }],
        bytes: action.count * PAGE,
        target: file,
      };
    case 'seal':
      // Sealing against writes looks at every page.
      return { request: ['seal', { file, seals: action.seals.join(',') }], bytes: size, target: file };
    case 'reopen':
      return { request: ['reopen', { file, as: action.as, access: action.access }], bytes: 0, target: file };
    case 'seek':
      return { request: ['seek', { file, pos: action.position }], bytes: 0, target: file };
  }
}

/**
 * Takes the effect of a step into the state.
 * @param data the agent's answer; even a write that failed half way has changed pages
 */
export function fileApplied(action: FileAction, state: RunState, data: AgentReply['data']): void {
  if (action.op === 'get-name' || isRawAction(action)) return;
  const file = state.files.get(action.file);
  if (file === undefined || file.spec.kind !== 'memfd') return;
  const { spec } = file;
  switch (action.op) {
    case 'write':
      takeContent(state, file, written(spec, action, data['done']));
      return;
    case 'truncate':
      if (action.size < spec.size) cut(state, file);
      takeContent(state, file, resize(spec, action.size));
      return;
    case 'fallocate':
      if (action.how === 'punch-hole') cut(state, file);
      takeContent(state, file, allocated(spec, action));
      return;
    case 'seal':
      for (const each of sameFile(state, file))
        say(each, ({ seals, mode }) => ({
          seals: sealsWith(seals, action.seals, { executable: mode === null ? !isNoexec(spec) : (mode & 0o111) !== 0 }),
        }));
      return;
    case 'reopen': {
      const reported = { ...(expectedOf(file) as Reported), position: 0, access: action.access };
      file.inode ??= {};
      state.files.set(action.as, {
        ...file,
        name: action.as,
        spec: { ...spec, file: action.as, position: 0 },
        preservedIn: [],
        runs: [],
        before: null,
        inside: null,
        reported,
      });
      return;
    }
    case 'seek':
      say(file, () => ({ position: action.position }));
  }
}

/** Checks that the kernel reports the name that the client gave to a session. */
export function checkName(
  { recorder }: Needs<'recorder'>,
  { session, name }: Extract<FileAction, { op: 'get-name' }>,
  reply: AgentReply,
): void {
  const reported = reply.data['name'];
  // The agent sends each byte beyond ASCII as one character.
  const actual = typeof reported === 'string' ? Buffer.from(reported, 'latin1').toString('utf8') : '';
  if (actual === name) return;
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies: 'corrupt',
    title: 'a session has another name',
    detail: `${session}: the kernel says "${printable(actual, 80)}", expected "${printable(name, 80)}"`,
  });
}

const isNoexec = ({ flags }: MemfdSpec) => flags?.includes('noexec') ?? false;

/** A page that was written behind the end makes the file longer. The agent says how many pages it has written. */
function written(
  spec: MemfdSpec,
  { first, count, seed }: Extract<FileAction, { op: 'write' }>,
  done: unknown,
): MemfdSpec {
  const pages = typeof done === 'number' && Number.isSafeInteger(done) ? Math.min(Math.max(done, 0), count) : 0;
  const grows = first + count > Math.ceil(spec.size / PAGE) && (first + pages) * PAGE > spec.size;
  return pages === 0
    ? spec
    : writeTo(grows ? resize(spec, (first + pages) * PAGE) : spec, { first, count: pages }, seed);
}

function allocated(spec: MemfdSpec, { first, count, how }: Extract<FileAction, { op: 'fallocate' }>): MemfdSpec {
  if (how === 'punch-hole') return punch(spec, { first, count });
  const end = (first + count) * PAGE;
  return how === 'allocate' && end > spec.size ? resize(spec, end) : spec;
}

/** All descriptors of one file. */
function sameFile(state: RunState, file: FileState): FileState[] {
  return [
    ...new Set([
      file,
      ...(file.inode === undefined ? [] : [...state.files.values()].filter(({ inode }) => inode === file.inode)),
    ]),
  ];
}

function cut(state: RunState, file: FileState): void {
  for (const each of sameFile(state, file)) each.cut = true;
}

function say(file: FileState, change: (now: Reported) => Partial<Reported>): void {
  const now = expectedOf(file);
  if (now === null) return;
  file.reported = { ...now, ...change(now) };
  file.inside = null;
}

/** Changes the content that all descriptors of a file must show from now on. */
function takeContent(state: RunState, file: FileState, { size, holes, written: layers }: MemfdSpec): void {
  const content = { size, holes, ...(layers === undefined ? {} : { written: layers }) };
  const all = sameFile(state, file);
  for (const each of all) {
    // The kernel decides how many blocks the file occupies now.
    say(each, () => ({ size, blocks: null }));
    Object.assign(each, withContent(each.spec, content));
  }
  // If the file came back from an update, it must now hold what the steps of this kernel have written.
  for (const each of state.expected.values()) {
    if (each.retrieved === null || !all.includes(each.retrieved)) continue;
    const { pattern } = each.retrieved;
    const isThere = (page: number) =>
      page * PAGE < size && !holes.some(({ first, count }) => page >= first && page < first + count);
    Object.assign(each, { pattern, runs: each.runs.flatMap((run) => runsWhere(run, isThere)) });
  }
}

function withContent(
  spec: FileSpec,
  content: { size: number; holes: MemfdSpec['holes']; written?: WrittenPages[] },
): Pick<FileState, 'spec' | 'pattern'> | null {
  if (spec.kind !== 'memfd') return null;
  const changed: MemfdSpec = { ...spec, ...content };
  return { spec: changed, pattern: patternOf(changed) };
}

function runsWhere(run: FileState['runs'][number], isThere: (page: number) => boolean): FileState['runs'] {
  const runs: FileState['runs'] = [];
  for (let i = 0; i < run.count; i++) {
    if (!isThere(run.page + i)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.page + last.count === run.page + i) last.count++;
    else runs.push({ page: run.page + i, pfn: run.pfn + i, count: 1 });
  }
  return runs;
}
