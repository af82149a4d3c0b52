// SPDX-License-Identifier: Apache-2.0
// A descriptor that was handed over must come back, and as what it was.
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../../src/run/engine/operation.js';
import { descriptorStep } from '../../../src/run/steps/descriptor-steps.js';
import { RunState } from '../../../src/run/state/run-state.js';
import type { DescriptorAction } from '../../../src/model/scenario/descriptor.js';
import { fakeAgents, fakeRecorder } from '../../fakes/parts.js';

const LOOK = {
  link: 'anon_inode:[x]',
  type: 'anonymous',
  access: 'rw',
  size: 0,
  position: 0,
  mode: 384,
  major: 0,
  minor: 0,
};
const HELD = { fd: 'a', session: 's', token: 1 };

type Step = Operation & DescriptorAction;
const step = (action: DescriptorAction, errno: string | null = null) =>
  ({ ...action, epoch: 0, index: 0, errno, origin: null }) as Step;

/** Preserves, jumps and retrieves. `after`: what the next kernel says of it; null if it does not come back. */
async function over(after: object | null, errno: string | null = null, back = { ...HELD, written: false }) {
  const { recorder } = fakeRecorder();
  const state = new RunState();
  let jumped = false;
  const agents = fakeAgents((op) => {
    if (op === 'describe') return { data: jumped ? { ...after } : LOOK };
    return op === 'retrieve' && after === null ? { ok: false, errno: 'ENOENT' } : {};
  });
  const parts = { recorder, state, agents };
  state.sessions.set('s', { name: 's', kind: 'outgoing', finished: false });
  await descriptorStep(parts, step({ op: 'preserve-fd', ...HELD }));
  state.jumped();
  jumped = true;
  await descriptorStep(parts, step({ op: 'retrieve-fd', ...back }, errno));
  return { incidents: recorder.incidents, missing: recorder.witnesses.missing(), state };
}

describe('a descriptor that was handed over', () => {
  it('is judged by what the kernel says about it', async () => {
    expect(await over(LOOK)).toMatchObject({ incidents: [], missing: [] });
    const { incidents } = await over({ ...LOOK, mode: 511 });
    expect(incidents).toEqual([
      expect.objectContaining({ implies: 'corrupt', detail: 'a (s, token 1): mode "511", expected "384"' }),
    ]);
  });

  it('is lost if it does not come back, unless the scenario says so', async () => {
    expect((await over(null)).incidents).toEqual([expect.objectContaining({ implies: 'lost' })]);
    expect((await over(null, 'ENOENT')).incidents).toEqual([]);
  });

  it('blinds the witness inside if the agent does not say what it is', async () => {
    expect((await over({ link: 7 })).missing).toEqual([expect.objectContaining({ witness: 'inside' })]);
  });

  it('may have other content in this kernel alone if a program writes to it there', async () => {
    const writes = async (after: object | null, written: boolean) =>
      (await over(after, null, { ...HELD, written })).state;
    expect((await writes(LOOK, false)).descriptors.isWritten('s', 1)).toBe(false);
    expect((await writes(null, true)).descriptors.isWritten('s', 1)).toBe(false);
    const state = await writes(LOOK, true);
    expect(state.descriptors.isWritten('s', 1)).toBe(true);
    expect(state.descriptors.isWritten('s', 2)).toBe(false);
    state.jumped();
    expect(state.descriptors.isWritten('s', 1)).toBe(false);
  });

  it('is not expected where its session was closed before the jump', async () => {
    const { recorder, events } = fakeRecorder();
    const state = new RunState();
    const parts = { recorder, state, agents: fakeAgents((op) => (op === 'describe' ? { data: LOOK } : {})) };
    state.sessions.set('s', { name: 's', kind: 'outgoing', finished: false });
    await descriptorStep(parts, step({ op: 'preserve-fd', ...HELD }));
    state.closeSession('s');
    state.jumped();
    expect(state.descriptors.awaited('s', 1)).toBeNull();
    expect(events).toEqual([]);
  });
});
