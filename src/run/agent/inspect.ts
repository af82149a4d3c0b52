// SPDX-License-Identifier: Apache-2.0
// The oracle inside: what the running kernel's user space finds in a file.
import { numberOf, type AgentReply } from '../../guest/agent.js';
import { PAGE } from '../../oracles/files/pattern.js';
import { ClientGone } from '../../util/errors.js';
import type { Needs } from '../engine/parts.js';
import { holesText, writtenText } from './operations.js';
import type { FileState, InsideLook, ObjectLook } from '../state/file.js';
import { differences, expectedOf, reportOf } from './reported.js';
import type { ObjectSpec } from '../../model/scenario/scenario.js';

/**
 * Asks the agent for the content and metadata of a file.
 * @param name the agent's name for the file
 */
export async function checkInside(parts: Needs<'recorder' | 'agents'>, file: FileState, name: string): Promise<void> {
  const { recorder } = parts;
  const agent = parts.agents.holder({ kind: 'file', name });
  const { spec } = file;
  const { size, seed, holes } = spec;
  const written = spec.kind === 'memfd' ? (spec.written ?? []) : [];
  const args = {
    file: name,
    size,
    seed,
    ...(holes.length > 0 ? { holes: holesText(holes) } : {}),
    ...(written.length > 0 ? { written: writtenText(written) } : {}),
  };
  const [stat, verify] = await Promise.all([
    agent.call('stat', { file: name }, { bytes: size }),
    agent.call('verify', args, { bytes: size }),
  ]);
  if (!stat.ok || !verify.ok) {
    // An earlier look no longer counts: the file may be gone with its agent.
    file.inside = null;
    recorder.event({
      kind: 'oracle',
      oracle: `content of ${name}`,
      side: 'inside',
      ok: false,
      detail: `${stat.errno ?? verify.errno}`,
    });
    return;
  }
  const object = spec.kind === 'object' ? await objectLook(parts, spec, name) : null;
  file.inside = insideLook(stat, verify, object, Math.ceil(size / PAGE));
  const problems = insideProblems(file);
  recorder.event({
    kind: 'oracle',
    oracle: `content of ${name}`,
    side: 'inside',
    ok: problems.length === 0,
    detail: problems.join('; ') || `${file.inside.pages} pages`,
  });
}

/** Looks again at everything but the content: a session that was finished since may have changed it. */
export async function lookAgain(parts: Needs<'agents'>, file: FileState): Promise<void> {
  const stat = await parts.agents.holder({ kind: 'file', name: file.name }).call('stat', { file: file.name });
  file.inside = stat.ok && file.inside !== null ? { ...file.inside, ...reportOf(stat) } : null;
}

/** Null if the kernel does not tell; insideProblems() reports that. */
async function objectLook(
  { agents }: Needs<'agents'>,
  { seed, array }: ObjectSpec,
  name: string,
): Promise<ObjectLook | null> {
  const reply = await agents.call(
    'object-stat',
    { file: name, seed, ...(array > 0 ? { array } : {}) },
    { bytes: array },
  );
  if (!reply.ok) return null;
  const label = reply.data['label'];
  return {
    array: numberOf(reply, 'array'),
    badArray: numberOf(reply, 'badArray'),
    state: numberOf(reply, 'state'),
    arrived: numberOf(reply, 'arrived'),
    label: typeof label === 'string' ? label.slice(0, 64) : '',
  };
}

/** @param expected number of pages that the agent had to look at */
function insideLook(stat: AgentReply, verify: AgentReply, object: ObjectLook | null, expected: number): InsideLook {
  const first = verify.data['firstBad'] as { page?: unknown; offset?: unknown } | null | undefined;
  const pages = numberOf(verify, 'pages');
  if (pages !== expected)
    throw new ClientGone(
      `the agent's answer cannot be used: it looked at ${pages} pages, and ${expected} were asked for`,
    );
  return {
    ...reportOf(stat),
    pages,
    bad: numberOf(verify, 'bad'),
    firstBad: first !== null && first !== undefined ? { page: Number(first.page), offset: Number(first.offset) } : null,
    object,
  };
}

/** What is wrong with a file as seen from inside: its content, and everything else that the kernel reports about it. */
export function insideProblems(file: Pick<FileState, 'inside' | 'spec' | 'reported'>): string[] {
  const { inside, spec } = file;
  // A failed look is no proof that the file is intact.
  if (inside === null) return ['cannot be read from inside'];
  const problems: string[] = [];
  if (inside.bad > 0)
    problems.push(
      `${inside.bad} of ${inside.pages} pages differ, ` +
        `first page ${inside.firstBad?.page} at byte ${inside.firstBad?.offset}`,
    );
  const expected = expectedOf(file);
  if (expected !== null) return [...problems, ...differences(inside, expected)];
  if (inside.size !== spec.size) problems.push(`size ${inside.size}, was ${spec.size}`);
  return [...problems, ...(spec.kind === 'object' ? objectProblems(inside.object, spec) : [])];
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
