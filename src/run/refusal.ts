// SPDX-License-Identifier: Apache-2.0
// The update was called off: proves that the old kernel runs on and that everything in it is intact.
import { lookOutside } from '../oracles/outside.js';
import { checkInside, insideProblems } from './check.js';
import type { RunContext } from './context.js';
import { reader } from './look.js';
import { runsOf } from './operations.js';

export async function judgeRefusal(context: RunContext, why: string): Promise<void> {
  const { recorder, state, agent, deadlines, machine } = context;
  for (const file of state.files.values()) {
    await checkInside(context, file, file.name);
    const problems = insideProblems(file);
    const reply = await agent.request('pfns', { file: file.name }, deadlines.request(file.spec.size), machine.ended);
    const look = lookOutside(reader(machine), file.pattern, reply.ok ? runsOf(reply) : []);
    recorder.event({
      kind: 'oracle', oracle: `content of ${file.name} in the old kernel`, side: 'outside', ok: look.different === 0, detail: `${look.equal} of ${look.pages} pages`,
    });
    if (look.different > 0) problems.push(`${look.different} of ${look.pages} physical pages hold something else`);
    if (problems.length > 0) {
      recorder.incident({ source: 'memory', side: 'outside', implies: 'corrupt', title: 'file is corrupt in the old kernel', detail: `${file.name}: ${problems.join('; ')}` });
    }
  }
  recorder.incident({ source: 'agent', side: 'inside', implies: 'refused', title: 'the update was called off', detail: why });
}
