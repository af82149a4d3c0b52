// SPDX-License-Identifier: Apache-2.0
// The judge that needs no pattern, where it could not look, and under which key it knows a file.
import { describe, expect, it } from 'vitest';
import type { LivePlan } from '../../../src/run/engine/plan.js';
import { missedTheJump } from '../../../src/run/judge/handed-over/fingerprint.js';
import { judgeHandedOver } from '../../../src/run/judge/handed-over/judge.js';
import { keyOf } from '../../../src/run/judge/handed-over/key.js';
import type { FileRecord } from '../../../src/run/judge/records.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { FAKE_FORMAT } from '../../fakes/ram.js';
import { image } from '../../fakes/run.js';
import { fakeAgents, fakePlan, fakeRecorder, reply } from '../../fakes/parts.js';

/** What is in it is not read. */
const OWN = {} as FileRecord;

async function blindRun(records: readonly FileRecord[]) {
  const { recorder } = fakeRecorder(1);
  const state = new RunState();
  state.followed = { blind: 'the machine did not stop at the jump' };
  const agents = fakeAgents(() => reply({ ok: true }));
  const view = { scan: () => Promise.reject(new Error('nothing is read')) } as never;
  const result = await judgeHandedOver(
    {
      plan: fakePlan(parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml')),
      recorder,
      state,
      agents,
      view,
    },
    records,
    null,
  );
  return { result, missing: recorder.witnesses.missing().map(({ witness }) => witness) };
}

describe('pages that nobody followed', () => {
  it('leave a client of somebody else without a witness', async () => {
    const { result, missing } = await blindRun([]);
    expect(result).toMatchObject({ blind: 'the machine did not stop at the jump', files: [] });
    expect(missing).toEqual(['outside']);
  });

  it("have their other judge where the lab's agent preserved a file", async () => {
    expect((await blindRun([OWN])).missing).toEqual([]);
  });
});

describe('pages that cannot be followed', () => {
  const jump = (more: Partial<LivePlan>) => {
    const state = new RunState();
    const plan = fakePlan(parseScenario('from: a\nto: b\nsessions: [{name: s}]\n', 'x.yaml'), more);
    missedTheJump({ plan, state, recorder: fakeRecorder().recorder });
    return state.followed;
  };

  it('leave the run blind if the lab does not know how their kernel lays them out', () => {
    expect(jump({ formats: [{ ...FAKE_FORMAT, handlers: 1n }], kernels: [image('a')] })).toEqual({
      blind: 'a: the layouts of what it hands over are not known',
    });
    expect(jump({ formats: [null], unread: ['a: it has no System.map'] })).toEqual({
      blind: 'a: it has no System.map',
    });
  });

  it('are none in a kernel without sessions, and where nobody asks', () => {
    expect(jump({ formats: [{ ...FAKE_FORMAT, handlers: null }] })).toBeNull();
    expect(jump({ follow: false })).toBeNull();
  });
});

describe('the key of a file', () => {
  it('tells tokens of 64 bits apart', () => {
    const keys = ['18446744073709551615', '18446744073709551614', '7'].map((name) => keyOf({ session: 's', name }));
    expect(keys).toEqual([
      RunState.key('s', '18446744073709551615'),
      RunState.key('s', '18446744073709551614'),
      RunState.key('s', 7),
    ]);
  });

  it('is the name of reserved memory', () => expect(keyOf({ session: null, name: '42' })).toBe('42'));
});
