// SPDX-License-Identifier: Apache-2.0
// Each step that is one call to the agent, as data: the request, and what the answer changes in the state of the run.
import type { AgentRequest } from './client.js';
import { tuplesOf, type AgentReply } from '../../guest/agent.js';
import type {
  Action,
  FileSpec,
  MemfdSpec,
  ObjectSpec,
  PageRange,
  WrittenPages,
} from '../../model/scenario/scenario.js';
import { isFileAction, type FileAction } from '../../model/scenario/file-steps.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { patternOf } from '../../oracles/files/written.js';
import { ClientGone } from '../../util/errors.js';
import { fileApplied, fileRequest } from './file-operations.js';
import { RunState } from '../state/run-state.js';

export type AgentAction =
  | FileAction
  | Extract<
      Action,
      { op: 'open' | 'create' | 'memfd' | 'object' | 'preserve' | 'retrieve-session' | 'retrieve' | 'finish' | 'close' }
    >;

export function isAgentAction(action: Action): action is AgentAction {
  return (
    isFileAction(action) ||
    ['open', 'create', 'memfd', 'object', 'preserve', 'retrieve-session', 'retrieve', 'finish', 'close'].includes(
      action.op,
    )
  );
}

export function requestOf(action: AgentAction, state: RunState): AgentRequest {
  if (isFileAction(action)) return fileRequest(action, state);
  switch (action.op) {
    case 'open':
      return { request: ['open', {}], bytes: 0, target: '/dev/liveupdate' };
    case 'create':
    case 'retrieve-session':
    case 'finish':
      return { request: [action.op, { session: action.session }], bytes: sessionBytes(state), target: action.session };
    case 'memfd':
      return { request: ['memfd', memfdArgs(action.memfd)], bytes: action.memfd.size, target: action.memfd.file };
    case 'object':
      return {
        request: ['object', objectArgs(action.object)],
        bytes: action.object.size + action.object.array,
        target: action.object.file,
      };
    case 'preserve':
    case 'retrieve': {
      const { session, token, file } = action;
      const size = state.files.get(file)?.spec.size ?? state.expected.get(RunState.key(session, token))?.spec.size ?? 0;
      return { request: [action.op, { session, token, file }], bytes: size, target: `${session}/${token}` };
    }
    case 'close':
      return action.target.kind === 'device'
        ? { request: ['close', {}], bytes: 0, target: '/dev/liveupdate' }
        : {
            request: ['close', { [action.target.kind]: action.target.name }],
            bytes: sessionBytes(state),
            target: action.target.name,
          };
  }
}

/** Finishing or closing a session can touch all of its memory. */
function sessionBytes(state: RunState): number {
  let bytes = 0;
  for (const file of state.files.values()) bytes += file.spec.size;
  for (const file of state.expected.values()) bytes += file.spec.size;
  return bytes;
}

function memfdArgs(memfd: MemfdSpec): Record<string, string | number> {
  return {
    file: memfd.file,
    size: memfd.size,
    seed: memfd.seed,
    ...(memfd.holes.length > 0 ? { holes: holesText(memfd.holes) } : {}),
    ...(memfd.huge ? { huge: 1 } : {}),
    ...(memfd.seals.length > 0 ? { seals: memfd.seals.join(',') } : {}),
    ...(memfd.position > 0 ? { pos: memfd.position } : {}),
    ...Object.fromEntries((memfd.flags ?? []).map((flag) => [flag, 1])),
  };
}

function objectArgs({ file, size, seed, array, state, label }: ObjectSpec): Record<string, string | number> {
  return {
    file,
    size,
    seed,
    ...(array > 0 ? { array } : {}),
    ...(state > 0 ? { state } : {}),
    ...(label === '' ? {} : { label }),
  };
}

export function holesText(holes: readonly PageRange[]): string {
  return holes.map(({ first, count }) => `${first}+${count}`).join(',');
}

export function writtenText(written: readonly WrittenPages[]): string {
  return written.map(({ first, count, seed, size }) => `${first}+${count}+${seed}+${size}`).join(',');
}

/**
 * Takes the effect of a successful call into the state.
 * @param data the agent's answer
 */
export function applied(action: AgentAction, state: RunState, data: AgentReply['data'] = {}): void {
  if (isFileAction(action)) {
    fileApplied(action, state, data);
    return;
  }
  switch (action.op) {
    case 'create':
      state.sessions.set(action.session, { name: action.session, kind: 'outgoing', finished: false });
      return;
    case 'retrieve-session':
      state.sessions.set(action.session, { name: action.session, kind: 'incoming', finished: false });
      return;
    case 'memfd':
      made(state, action.memfd, Number.isSafeInteger(data['hugeKb']) ? Math.max(0, data['hugeKb'] as number) : 0);
      return;
    case 'object':
      made(state, action.object, 0);
      return;
    case 'preserve': {
      const file = state.files.get(action.file);
      if (file !== undefined) file.preservedIn.push({ session: action.session, token: action.token });
      return;
    }
    case 'retrieve': {
      const key = RunState.key(action.session, action.token);
      const file = state.expected.get(key) ?? state.perhaps.get(key);
      if (file === undefined) return;
      state.expected.set(key, file);
      const { spec, pattern, hugeKiB, reported } = file;
      // Retrieved twice, it is the same file under another name.
      file.retrieved ??= {
        name: action.file,
        spec,
        pattern,
        preservedIn: [],
        runs: [],
        before: null,
        inside: null,
        hugeKiB,
        reported,
      };
      state.files.set(action.file, file.retrieved);
      return;
    }
    case 'finish': {
      const session = state.sessions.get(action.session);
      if (session !== undefined) session.finished = true;
      return;
    }
    case 'close':
      if (action.target.kind === 'session') state.closeSession(action.target.name);
      else if (action.target.kind === 'file') state.closeFile(action.target.name);
      return;
    case 'open':
      return;
    default:
      action satisfies never;
  }
}

function made(state: RunState, spec: FileSpec, hugeKiB: number): void {
  state.files.set(spec.file, {
    name: spec.file,
    spec,
    pattern: patternOf(spec),
    preservedIn: [],
    runs: [],
    before: null,
    inside: null,
    hugeKiB,
  });
}

/** More than any machine can address. */
const MAX_PFN = 2 ** 40;

/**
 * Physical pages of a file, from the agent's answer to `pfns`. An agent that claims more pages than the machine has
 * must keep neither the oracles busy nor the lab's memory full.
 * @param memory bytes of the machine's RAM
 */
export function runsOf(reply: AgentReply, memory: number): { page: number; pfn: number; count: number }[] {
  const most = memory / PAGE;
  const runs = tuplesOf(reply, 'runs', 3).map(([page = 0, pfn = 0, count = 0]) => ({ page, pfn, count }));
  let pages = 0;
  for (const { page, pfn, count } of runs) {
    pages += count;
    if (pages > most || page >= MAX_PFN || pfn >= MAX_PFN)
      throw new ClientGone("the agent's answer cannot be used: more pages than the machine has");
  }
  return runs;
}
