// SPDX-License-Identifier: Apache-2.0
// Can a kernel that did not leave still hand something over? A session of the lab's own takes a memfd of one page, and
// lets go of it.
import type { AgentReply } from '../../guest/agent.js';
import type { Needs } from '../engine/parts.js';

const NAME = 'lab-probe';
/** Answers to `create` that say that there are as many sessions as the kernel takes, not that it takes none. */
const FULL = ['ENOMEM', 'ENOSPC', 'E2BIG'];

/**
 * After a refusal, of a kernel in which sessions worked before it. What fails is a finding: the next attempt could not
 * work either.
 */
export async function probeSessions(parts: Needs<'recorder' | 'state' | 'agents'>): Promise<void> {
  const { agents, recorder, state } = parts;
  if (!usedSessions(parts)) return;
  const device = await agents.call('open', {});
  // Somebody else has it: a program of the scenario, which knows better.
  if (!device.ok && device.errno === 'EBUSY') return;
  // The agent carries them out one after the other; what an earlier one left undone, a later one says too.
  const said = await Promise.all([
    Promise.resolve(device),
    agents.call('create', { session: NAME }),
    agents.call('memfd', { file: NAME, size: 4096, seed: 1 }),
    agents.call('preserve', { session: NAME, file: NAME, token: 1 }),
    agents.call('close', { session: NAME }),
    agents.call('verify', { file: NAME, size: 4096, seed: 1 }),
    agents.call('close', { file: NAME }),
  ]);
  if (device.data['opened'] === true) await agents.call('close', {});
  const failed = said.find(({ ok }) => !ok);
  const full =
    failed !== undefined && failed === said[1] && state.sessions.size > 0 && FULL.includes(failed.errno ?? '');
  const without = failed !== undefined && failed === said[3] && failed.errno === 'ENOENT' && tookNoFile(parts);
  const what =
    failed === undefined
      ? 'a session of the lab took a memfd and let go of it'
      : `${failed.at ?? '?'}: ${failed.errno ?? '?'}`;
  recorder.event({
    kind: 'oracle',
    oracle: 'sessions of the old kernel',
    side: 'inside',
    ok: failed === undefined || full || without,
    detail: full
      ? `no room for one more session: ${what}`
      : without
        ? `the kernel takes no memfd, and took none before: ${what}`
        : what,
  });
  if (failed === undefined || full || without) return;
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies: 'lost',
    title: 'sessions work no more in the old kernel',
    detail: sentence(failed),
  });
}

/** Something of the running kernel's LUO was used by then. */
export function usedSessions({ state, recorder }: Needs<'recorder' | 'state'>): boolean {
  return state.results.some(
    ({ operation: { epoch, op }, state: how }) =>
      epoch === recorder.epoch && how === 'done' && (op === 'create' || op === 'retrieve-session'),
  );
}

/** A kernel without a handler for memfds says ENOENT, after a refusal as before it. */
function tookNoFile({ state, recorder }: Needs<'recorder' | 'state'>): boolean {
  const here = state.results.filter(({ operation: { epoch, op } }) => epoch === recorder.epoch && op === 'preserve');
  return here.every(({ state: how }) => how !== 'done') && here.some(({ errno }) => errno === 'ENOENT');
}

function sentence({ errno, at }: AgentReply): string {
  return (
    `a new session with a memfd of one page fails with ${errno ?? 'no reason'}${at === null ? '' : ` (${at})`}, ` +
    'although sessions worked before'
  );
}
