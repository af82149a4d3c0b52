// SPDX-License-Identifier: Apache-2.0
// The oracle inside: what user space of the running kernel finds in a file.
import { numberOf, type AgentReply } from '../guest/agent.js';
import type { RunContext } from './context.js';
import { holesText } from './operations.js';
import type { FileState, InsideLook, ObjectLook } from './state.js';
import type { MemfdSpec, ObjectSpec } from '../model/scenario.js';

/** Asks the agent for content and metadata of a file. @param name the name that the agent has it under */
export async function checkInside(context: RunContext, file: FileState, name: string): Promise<void> {
  const { agent, deadlines, machine, recorder } = context;
  const { spec } = file;
  const { size, seed, holes } = spec;
  const ms = deadlines.request(size);
  const args = { file: name, size, seed, ...(holes.length > 0 ? { holes: holesText(holes) } : {}) };
  const [stat, verify] = await Promise.all([
    agent.request('stat', { file: name }, ms, machine.ended), agent.request('verify', args, ms, machine.ended),
  ]);
  if (!stat.ok || !verify.ok) {
    // What an earlier look saw counts no more: the file may be gone with its agent.
    file.inside = null;
    recorder.event({ kind: 'oracle', oracle: `content of ${name}`, side: 'inside', ok: false, detail: `${stat.errno ?? verify.errno}` });
    return;
  }
  const object = spec.kind === 'object' ? await objectLook(context, spec, name) : null;
  file.inside = insideLook(stat, verify, object);
  const problems = insideProblems(file);
  recorder.event({ kind: 'oracle', oracle: `content of ${name}`, side: 'inside', ok: problems.length === 0, detail: problems.join('; ') || `${file.inside.pages} pages` });
}

/** Null where the kernel does not tell: insideProblems says so. */
async function objectLook({ agent, deadlines, machine }: RunContext, { seed, array }: ObjectSpec, name: string): Promise<ObjectLook | null> {
  const reply = await agent.request('object-stat', { file: name, seed, ...(array > 0 ? { array } : {}) }, deadlines.request(array), machine.ended);
  if (!reply.ok) return null;
  const label = reply.data['label'];
  return {
    array: numberOf(reply, 'array'), badArray: numberOf(reply, 'badArray'), state: numberOf(reply, 'state'), arrived: numberOf(reply, 'arrived'),
    label: typeof label === 'string' ? label.slice(0, 64) : '',
  };
}

function insideLook(stat: AgentReply, verify: AgentReply, object: ObjectLook | null): InsideLook {
  const first = verify.data['firstBad'] as { page?: unknown; offset?: unknown } | null | undefined;
  const seals = stat.data['seals'];
  return {
    pages: numberOf(verify, 'pages'), bad: numberOf(verify, 'bad'),
    firstBad: first !== null && first !== undefined ? { page: Number(first.page), offset: Number(first.offset) } : null,
    size: numberOf(stat, 'size'), position: numberOf(stat, 'pos'), blocks: numberOf(stat, 'blocks'),
    object,
    seals: Array.isArray(seals) ? seals.filter((seal) => typeof seal === 'string').slice(0, 16).sort() : [],
  };
}

/** What is wrong with a file that was looked at from inside: content, size, position, seals. */
export function insideProblems(file: Pick<FileState, 'inside' | 'spec'>): string[] {
  const { inside, spec } = file;
  // A look that failed is no proof that all is well.
  if (inside === null) return ['cannot be read from inside'];
  const problems: string[] = [];
  if (inside.bad > 0) problems.push(`${inside.bad} of ${inside.pages} pages differ, first page ${inside.firstBad?.page} at byte ${inside.firstBad?.offset}`);
  if (inside.size !== spec.size) problems.push(`size ${inside.size}, was ${spec.size}`);
  return [...problems, ...(spec.kind === 'memfd' ? memfdProblems(inside, spec) : spec.kind === 'object' ? objectProblems(inside.object, spec) : [])];
}

function memfdProblems(inside: InsideLook, spec: MemfdSpec): string[] {
  const problems: string[] = [];
  if (inside.position !== spec.position) problems.push(`position ${inside.position}, was ${spec.position}`);
  // A memfd that was made without MFD_ALLOW_SEALING carries F_SEAL_SEAL (mm/memfd.c).
  const want = spec.seals.length === 0 ? ['seal'] : [...spec.seals].sort();
  if (inside.seals.join() !== want.join()) problems.push(`seals [${inside.seals.join(' ')}], were [${want.join(' ')}]`);
  return problems;
}

function objectProblems(object: ObjectLook | null, spec: ObjectSpec): string[] {
  if (object === null) return ['the object does not tell its array and state'];
  const problems: string[] = [];
  if (object.array !== spec.array) problems.push(`array of ${object.array} bytes, had ${spec.array}`);
  if (object.badArray > 0) problems.push(`${object.badArray} pages of the array differ`);
  if (object.state !== spec.state) problems.push(`state ${object.state}, was ${spec.state}`);
  if (object.label !== spec.label) problems.push(`label '${object.label}', was '${spec.label}'`);
  return problems;
}
