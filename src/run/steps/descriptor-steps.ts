// SPDX-License-Identifier: Apache-2.0
// Steps on descriptors of any kind. The kernel decides which ones it preserves, and its refusal is a result like any
// other. A descriptor that comes back must be what it was.
import { z } from 'zod';
import { MAIN } from '../../model/scenario/client.js';
import {
  type DescriptorAction,
  type DescriptorSource,
  describeSource,
  nameInClient,
} from '../../model/scenario/descriptor.js';
import { printable } from '../../util/text/escape.js';
import type { CallArgs, Caller } from '../agent/client.js';
import { declaresFailure, type StepReply } from '../agent/reply.js';
import type { Operation } from '../engine/operation.js';
import type { Needs } from '../engine/parts.js';
import type { DescriptorLook, PreservedDescriptor } from '../state/descriptors.js';

type DescriptorStep = Operation & DescriptorAction;
type Needed = Needs<'agents' | 'recorder' | 'state'>;

export async function descriptorStep(
  parts: Needed,
  step: DescriptorStep,
): Promise<{ target: string; reply: StepReply }> {
  const { agents, state } = parts;
  const agent = agents.of(step.by);
  const file = nameInClient(step.fd);
  switch (step.op) {
    case 'descriptor': {
      const reply = await agent.call(...requestOf(step.source, file));
      if (reply.ok) state.holders.made({ kind: 'descriptor', name: step.fd }, step.by ?? MAIN);
      return { target: `${step.fd}: ${describeSource(step.source)}`, reply };
    }
    case 'preserve-fd': {
      const { fd, session, token } = step;
      const reply = await agent.call('preserve', { session, token, file });
      if (reply.ok) state.descriptors.preserved({ fd, session, token, look: await lookAt(agent, file) });
      return { target: `${session}/${token}: ${fd}`, reply };
    }
    case 'retrieve-fd':
      return { target: `${step.session}/${step.token}`, reply: await retrieve(parts, step, agent) };
    case 'close-fd': {
      const reply = await agent.call('close', { file });
      if (reply.ok) state.holders.dropped({ kind: 'descriptor', name: step.fd }, step.by ?? MAIN);
      return { target: step.fd, reply };
    }
  }
}

function requestOf(source: DescriptorSource, file: string): [string, CallArgs] {
  switch (source.kind) {
    case 'call':
      return ['descriptor', { file, kind: source.call }];
    case 'path':
      return ['open-path', { file, path: source.path, access: source.access }];
    case 'memfd':
      return ['open-memfd', { file, size: source.size, ...Object.fromEntries(source.flags.map((flag) => [flag, 1])) }];
    case 'ioctl': {
      const { on, command, argument, at } = source;
      return ['open-ioctl', { file, on: nameInClient(on), command, ...argument, ...(at === null ? {} : { at }) }];
    }
  }
}

async function retrieve(
  { recorder, state }: Needed,
  step: DescriptorStep & { op: 'retrieve-fd' },
  agent: Caller,
): Promise<StepReply> {
  const { fd, session, token } = step;
  const reply = await agent.call('retrieve', { session, token, file: nameInClient(fd) });
  const before = state.descriptors.awaited(session, token);
  if (reply.ok) state.holders.made({ kind: 'descriptor', name: fd }, step.by ?? MAIN);
  if (before === null) return reply;
  if (reply.ok && step.written) state.descriptors.willBeWritten(before);
  const { witnesses, epoch } = recorder;
  witnesses.require('inside', epoch);
  if (!reply.ok) {
    witnesses.looked('inside', epoch, 1);
    if (!declaresFailure(step, reply.errno))
      recorder.incident({
        source: 'agent',
        side: 'inside',
        implies: 'lost',
        title: 'a descriptor is lost',
        detail: `${before.fd} (${session}, token ${token}): RETRIEVE_FD failed with ${reply.errno ?? 'no reason'}`,
      });
    return reply;
  }
  compare({ recorder }, before, await lookAt(agent, nameInClient(fd)));
  return reply;
}

const lookSchema = z.object({
  link: z.string(),
  type: z.string(),
  access: z.string(),
  size: z.number(),
  position: z.number(),
  mode: z.number(),
  major: z.number(),
  minor: z.number(),
});

/** What the kernel says about a descriptor; null if the agent does not say it. */
async function lookAt(agent: Caller, file: string): Promise<DescriptorLook | null> {
  const { ok, data } = await agent.call('describe', { file });
  const look = lookSchema.safeParse(data);
  if (!ok || !look.success) return null;
  // An inode's number in brackets is new in every kernel.
  return { ...look.data, link: kindOf(look.data.link) };
}

/**
 * What a link names besides numbers and names. A memfd has none of its own: the one that comes back says "/ (deleted)"
 * where the first one said "/memfd:NAME (deleted)" (memfd_luo_retrieve() in mm/memfd_luo.c, 7.3).
 */
function kindOf(link: string): string {
  if (link.endsWith(' (deleted)')) return '(deleted)';
  return link.replace(/:\[\d+\]$/, ':').slice(0, 160);
}

function compare(
  { recorder }: Needs<'recorder'>,
  { fd, session, token, look: before }: PreservedDescriptor,
  after: DescriptorLook | null,
): void {
  const { witnesses, epoch } = recorder;
  if (before === null || after === null) {
    witnesses.blind('inside', epoch, `the client does not say what the descriptor ${fd} is`);
    return;
  }
  witnesses.looked('inside', epoch, 1);
  const keys = Object.keys(before) as (keyof DescriptorLook)[];
  const changed = keys.filter((key) => before[key] !== after[key]);
  recorder.event({
    kind: 'oracle',
    oracle: `descriptor ${fd}`,
    side: 'inside',
    ok: changed.length === 0,
    detail: `${after.type}, ${printable(after.link, 80)}`,
  });
  if (changed.length === 0) return;
  const differences = changed.map(
    (key) => `${key} "${printable(String(after[key]), 80)}", expected "${printable(String(before[key]), 80)}"`,
  );
  recorder.incident({
    source: 'agent',
    side: 'inside',
    implies: 'corrupt',
    title: 'a descriptor came back as something else',
    detail: `${fd} (${session}, token ${token}): ${differences.join('; ')}`,
  });
}
