// SPDX-License-Identifier: Apache-2.0
// Steps on files that are there already: what is asked of the agent, and what the file must hold and say after it.
import type { AgentReply } from '../../guest/agent.js';
import type { FileAction } from '../../model/scenario/file-steps.js';
import type { FileSpec, MemfdSpec, WrittenPages } from '../../model/scenario/scenario.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { patternOf, punch, resize, writeTo } from '../../oracles/files/written.js';
import type { AgentRequest } from './client.js';
import type { Needs } from '../engine/parts.js';
import { printable } from '../../util/text/escape.js';
import { expectedOf, sealsWith } from './reported.js';
import type { Reported } from '../state/file.js';
import type { FileState } from '../state/file.js';
import type { RunState } from '../state/run-state.js';

export function fileRequest(action: FileAction, state: RunState): AgentRequest {
  if (action.op === 'get-name')
    return { request: ['get-name', { session: action.session }], bytes: 0, target: action.session };
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

/** @param data the agent's answer; a write that was refused half way has changed pages all the same */
export function fileApplied(action: FileAction, state: RunState, data: AgentReply['data']): void {
  if (action.op === 'get-name') return;
  const file = state.files.get(action.file);
  if (file === undefined || file.spec.kind !== 'memfd') return;
  const { spec } = file;
  switch (action.op) {
    case 'write':
      takeContent(state, file, written(spec, action, data['done']));
      return;
    case 'truncate':
      takeContent(state, file, resize(spec, action.size));
      return;
    case 'fallocate':
      takeContent(state, file, allocated(spec, action));
      return;
    case 'seal':
      for (const each of sameFile(state, file))
        say(each, ({ seals, mode }) => ({
          seals: sealsWith(seals, action.seals, mode === null ? !isNoexec(spec) : (mode & 0o111) !== 0),
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

/** The kernel calls a session what the client called it. */
export function checkName(
  { recorder }: Needs<'recorder'>,
  { session, name }: Extract<FileAction, { op: 'get-name' }>,
  reply: AgentReply,
): void {
  const told = reply.data['name'];
  // The agent writes bytes beyond ASCII one by one.
  const found = typeof told === 'string' ? Buffer.from(told, 'latin1').toString('utf8') : '';
  if (found === name) return;
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies: 'corrupt',
    title: 'a session has another name',
    detail: `${session}: the kernel says "${printable(found, 80)}", expected "${printable(name, 80)}"`,
  });
}

const isNoexec = ({ flags }: MemfdSpec) => flags?.includes('noexec') ?? false;

/** A page that was written behind the end makes the file longer. The agent says how many were written. */
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

/** All descriptors of a file that the agent has. */
function sameFile(state: RunState, file: FileState): FileState[] {
  return [
    ...new Set([
      file,
      ...(file.inode === undefined ? [] : [...state.files.values()].filter(({ inode }) => inode === file.inode)),
    ]),
  ];
}

function say(file: FileState, change: (now: Reported) => Partial<Reported>): void {
  const now = expectedOf(file);
  if (now === null) return;
  file.reported = { ...now, ...change(now) };
  file.inside = null;
}

/** The file holds something else from now on, through whichever descriptor one looks. */
function takeContent(state: RunState, file: FileState, { size, holes, written: layers }: MemfdSpec): void {
  const content = { size, holes, ...(layers === undefined ? {} : { written: layers }) };
  const all = sameFile(state, file);
  for (const each of all) {
    // How many blocks it occupies now is the kernel's business.
    say(each, () => ({ size, blocks: null }));
    Object.assign(each, withContent(each.spec, content));
  }
  // What came back is measured by what the steps of this kernel made of it.
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
