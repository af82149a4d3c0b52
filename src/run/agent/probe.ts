// SPDX-License-Identifier: Apache-2.0
// Can a kernel that refused an update still hand something over? Checks it with a session of the lab's own, which
// preserves and releases a memfd of one page.
import type { AgentReply } from '../../guest/agent.js';
import type { Needs } from '../engine/parts.js';

const NAME = 'lab-probe';
/** Answers to `create` which mean that the kernel's limit of sessions is reached, not that sessions are broken. */
const FULL = ['ENOMEM', 'ENOSPC', 'E2BIG'];

/**
 * Called after a refusal; checks only a kernel in which sessions worked before. A failure is a finding, since the next
 * attempt could not work either.
 */
export async function probeSessions(parts: Needs<'recorder' | 'state' | 'agents'>): Promise<void> {
  const { agents, recorder, state } = parts;
  if (!usedSessions(parts)) return;
  const device = await agents.call('open', {});
  // A program of the scenario has the device open: that program reports what fails.
  if (!device.ok && device.errno === 'EBUSY') return;
  // The agent executes these in order. If an earlier one fails, a later one fails too.
  const replies = await Promise.all([
    Promise.resolve(device),
    agents.call('create', { session: NAME }),
    agents.call('memfd', { file: NAME, size: 4096, seed: 1 }),
    agents.call('preserve', { session: NAME, file: NAME, token: 1 }),
    agents.call('close', { session: NAME }),
    agents.call('verify', { file: NAME, size: 4096, seed: 1 }),
    agents.call('close', { file: NAME }),
  ]);
  if (device.data['opened'] === true) await agents.call('close', {});
  const failed = replies.find(({ ok }) => !ok);
  const full =
    failed !== undefined && failed === replies[1] && state.sessions.size > 0 && FULL.includes(failed.errno ?? '');
  const without = failed !== undefined && failed === replies[3] && failed.errno === 'ENOENT' && tookNoFile(parts);
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

/** Whether the run has used a session of the running kernel. */
export function usedSessions({ state, recorder }: Needs<'recorder' | 'state'>): boolean {
  return state.results.some(
    ({ operation: { epoch, op }, state: how }) =>
      epoch === recorder.epoch && how === 'done' && (op === 'create' || op === 'retrieve-session'),
  );
}

/** A kernel without a handler for memfds answers ENOENT, before a refusal as well as after it. */
function tookNoFile({ state, recorder }: Needs<'recorder' | 'state'>): boolean {
  const here = state.results.filter(({ operation: { epoch, op } }) => epoch === recorder.epoch && op === 'preserve');
  return here.every(({ state: how }) => how !== 'done') && here.some(({ errno }) => errno === 'ENOENT');
}

function sentence({ errno, at }: AgentReply): string {
  const reason = `${errno ?? 'no reason'}${at === null ? '' : ` (${at})`}`;
  return `a new session with a memfd of one page fails with ${reason}, although sessions worked before`;
}
