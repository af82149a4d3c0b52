// SPDX-License-Identifier: Apache-2.0
// Ioctls with any argument, and the link of a descriptor: the request to the agent, and what the answer must be.
import type { AgentReply } from '../../guest/agent.js';
import { describeDescriptor, type RawAction } from '../../model/scenario/raw.js';
import { printable } from '../../util/text/escape.js';
import type { Needs } from '../engine/parts.js';
import type { AgentRequest } from './client.js';

export function rawRequest(action: RawAction): AgentRequest {
  if (action.op === 'link') return { request: ['link', { session: action.session }], bytes: 0, target: action.session };
  const { on, command, size, bytes, without } = action;
  return {
    request: [
      'ioctl',
      {
        ...(on.kind === 'device' ? {} : { [on.kind]: on.name }),
        command,
        size,
        ...(bytes === '' ? {} : { bytes }),
        ...(without === undefined ? {} : { without }),
      },
    ],
    bytes: 0,
    target: describeDescriptor(on),
  };
}

/** Checks that /proc names the session, as the kernel does since LUO exists (luo_session_getfile()). */
export function checkLink(
  { recorder }: Needs<'recorder'>,
  { session }: Extract<RawAction, { op: 'link' }>,
  { data }: AgentReply,
): void {
  const link = data['link'];
  // The agent sends each byte beyond ASCII as one character.
  const actual = typeof link === 'string' ? Buffer.from(link, 'latin1').toString('utf8') : '';
  const expected = `anon_inode:[luo_session] ${session}`;
  if (actual === expected) return;
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies: 'corrupt',
    title: 'a session has another link in /proc',
    detail: `${session}: the kernel says "${printable(actual, 160)}", expected "${printable(expected, 160)}"`,
  });
}
