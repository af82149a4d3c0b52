// SPDX-License-Identifier: Apache-2.0
// The oracle inside: what user space of the running kernel finds in a file.
import { numberOf, type AgentReply } from '../guest/agent.js';
import type { RunContext } from './context.js';
import { holesText } from './operations.js';
import type { FileState, InsideLook } from './state.js';

/** Asks the agent for content and metadata of a file. @param name the name that the agent has it under */
export async function checkInside(context: RunContext, file: FileState, name: string): Promise<void> {
  const { agent, deadlines, machine, recorder } = context;
  const { size, seed, holes } = file.spec;
  const ms = deadlines.request(size);
  const args = { file: name, size, seed, ...(holes.length > 0 ? { holes: holesText(holes) } : {}) };
  const [stat, verify] = await Promise.all([
    agent.request('stat', { file: name }, ms, machine.ended), agent.request('verify', args, ms, machine.ended),
  ]);
  if (!stat.ok || !verify.ok) {
    recorder.event({ kind: 'oracle', oracle: `content of ${name}`, side: 'inside', ok: false, detail: `${stat.errno ?? verify.errno}` });
    return;
  }
  file.inside = insideLook(stat, verify);
  const problems = insideProblems(file);
  recorder.event({ kind: 'oracle', oracle: `content of ${name}`, side: 'inside', ok: problems.length === 0, detail: problems.join('; ') || `${file.inside.pages} pages` });
}

function insideLook(stat: AgentReply, verify: AgentReply): InsideLook {
  const first = verify.data['firstBad'] as { page?: unknown; offset?: unknown } | null | undefined;
  const seals = stat.data['seals'];
  return {
    pages: numberOf(verify, 'pages'), bad: numberOf(verify, 'bad'),
    firstBad: first !== null && first !== undefined ? { page: Number(first.page), offset: Number(first.offset) } : null,
    size: numberOf(stat, 'size'), position: numberOf(stat, 'pos'), blocks: numberOf(stat, 'blocks'),
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
  if (inside.position !== spec.position) problems.push(`position ${inside.position}, was ${spec.position}`);
  // A memfd that was made without MFD_ALLOW_SEALING carries F_SEAL_SEAL (mm/memfd.c).
  const want = spec.seals.length === 0 ? ['seal'] : [...spec.seals].sort();
  if (inside.seals.join() !== want.join()) problems.push(`seals [${inside.seals.join(' ')}], were [${want.join(' ')}]`);
  return problems;
}
