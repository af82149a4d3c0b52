// SPDX-License-Identifier: Apache-2.0
// Asks the agent which physical pages a file has. A missing answer never counts as "no pages": it is the reason why
// nobody can look from outside.
import type { PfnRun } from '../../oracles/files/outside.js';
import type { AgentReply } from '../../guest/agent.js';
import type { Needs } from '../engine/parts.js';
import { runsOf } from './operations.js';

export interface FilePages {
  runs: PfnRun[];
  /** Why the pages are unknown; null if they are known. */
  hidden: string | null;
}

export interface Blindness {
  why: string;
  hint: string | null;
}

/** @param bytes size of the file, for the deadline */
export async function pagesOfFile(parts: Needs<'agents' | 'plan'>, name: string, bytes: number): Promise<FilePages> {
  const reply = await parts.agents.holder({ kind: 'file', name }).call('pfns', { file: name }, { bytes });
  return pagesIn(reply, parts.plan.scenario.machine.memory);
}

/**
 * Reads the agent's answer to `pfns`. Throws ClientGone if it makes no sense: nothing from such an agent can be
 * believed.
 * @param memory bytes of the machine's RAM
 */
export function pagesIn(reply: AgentReply, memory: number): FilePages {
  if (!reply.ok)
    return { runs: [], hidden: `${reply.errno ?? 'no reason'}${reply.at === null ? '' : ` (${reply.at})`}` };
  return { runs: runsOf(reply, memory), hidden: null };
}

/** Why the witness `outside` is blind for a file. */
export function blindFor(name: string, hidden: string): Blindness {
  return {
    why: `${name}: the kernel does not tell which pages it has: ${hidden}`,
    hint: hidden.includes('/proc/self/pagemap')
      ? 'build the kernel with CONFIG_PROC_PAGE_MONITOR=y, and let the agent run as root'
      : null,
  };
}
