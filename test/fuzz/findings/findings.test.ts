// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { judge, keyOf } from '../../../src/fuzz/findings/judge.js';
import { knownAs, parseKnown } from '../../../src/fuzz/findings/known.js';
import { parseHuntPlan } from '../../../src/fuzz/plan/plan.js';
import type { Incident } from '../../../src/model/result/incident.js';
import type { Outcome } from '../../../src/model/result/outcome.js';
import { parseScenario } from '../../../src/scenario/index.js';

const scenario = parseScenario('from: 7.3.4\nto: 7.3.4\nsessions: []\nexpect: preserved\n', 'x.yaml');
const incident = (title: string, implies: Outcome | null): Incident => ({
  source: 'console',
  side: 'outside',
  implies,
  title,
  detail: '',
  epoch: 1,
  t: 0,
});
const ending = (outcome: Outcome, title: string) => ({
  outcome,
  cause: incident(title, outcome),
  incidents: [incident(title, outcome)],
});
const bytes = (versionsValid: boolean) => ({ generator: 'bytes' as const, scenario, versionsValid });
const calls = { generator: 'calls' as const, scenario, versionsValid: true };

describe('a judgement', () => {
  it.each(['lost', 'leak', 'corrupt', 'refused', 'preserved'] as const)('allows %s of damaged data', (outcome) =>
    expect(judge(bytes(true), ending(outcome, 'x')).kind).toBe('allowed'),
  );
  it.each(['panic', 'hang', 'reboot', 'tainted'] as const)('finds %s with valid versions', (outcome) =>
    expect(judge(bytes(true), ending(outcome, 'x')).kind).toBe('finding'),
  );
  it('takes a panic on an unknown version for policy, and a fault of the code for a finding', () => {
    expect(judge(bytes(false), ending('panic', 'Kernel panic: incompatible')).kind).toBe('policy');
    expect(judge(bytes(false), ending('panic', 'BUG: unable to handle page fault in f')).kind).toBe('finding');
    expect(judge(bytes(false), ending('panic', 'PANIC: early exception ADDR in f')).kind).toBe('finding');
  });
  it('never finds a fault of the lab', () =>
    expect(judge(calls, ending('infra', 'QEMU is gone'))).toEqual({ kind: 'infra', why: 'QEMU is gone' }));
  it('finds what calls do not expect, and a wrong errno', () => {
    expect(judge(calls, ending('lost', 'x')).kind).toBe('finding');
    expect(judge(calls, { outcome: 'preserved', cause: null, incidents: [] }).kind).toBe('allowed');
    const errno = incident('create: EINVAL, EEXIST was demanded', null);
    expect(judge(calls, { outcome: 'preserved', cause: null, incidents: [errno] }).kind).toBe('finding');
    const failed = { ...errno, title: 'link failed with ENAMETOOLONG' };
    const judgement = judge(calls, { outcome: 'refused', cause: errno, incidents: [failed] });
    expect(judgement).toEqual({ kind: 'finding', outcome: 'refused', title: 'link failed with ENAMETOOLONG' });
    expect(keyOf({ outcome: 'lost', title: failed.title })).toBe(keyOf({ outcome: 'leak', title: failed.title }));
    expect(keyOf({ outcome: 'lost', title: 'x' })).not.toBe(keyOf({ outcome: 'leak', title: 'x' }));
  });
  it('finds what the first kernel says of itself while it boots, and nothing that is a matter of time', () => {
    const said = (title: string, epoch: number) => ({ ...incident(title, null), epoch });
    const of = (...incidents: Incident[]) => judge(calls, { outcome: 'preserved', cause: null, incidents });
    const bad = 'BUG: Bad page state';
    expect(of(said(bad, 0))).toEqual({ kind: 'finding', outcome: 'preserved', title: bad });
    expect(of(said('BUG: soft lockup in f', 0)).kind).toBe('allowed');
    expect(of(said(bad, 1)).kind).toBe('allowed');
    expect(keyOf({ outcome: 'lost', title: bad })).toBe(keyOf({ outcome: 'leak', title: bad }));
    expect(keyOf({ outcome: 'tainted', title: bad })).not.toBe(keyOf({ outcome: 'leak', title: bad }));
  });
  it('has one title for one function', () => {
    const at = (address: string) => {
      const cause = { ...incident('Oops', 'panic'), detail: `RIP: 0010:luo_take+0x${address}/0x90` };
      return judge(calls, { outcome: 'panic', cause, incidents: [cause] });
    };
    expect(at('12')).toEqual(at('34'));
    expect(at('12')).toMatchObject({ title: 'Oops in luo_take' });
  });
});

describe('known findings', () => {
  const known = parseKnown("- {title: 'WARNING in f*', reference: r, kernels: ['7.*']}\n", 'known.yaml');
  it('match by title and kernel', () => {
    expect(knownAs('WARNING in f.part', ['7.3.4'], known)?.reference).toBe('r');
    expect(knownAs('WARNING in f', ['6.19.11'], known)).toBeNull();
    expect(knownAs('panic: WARNING in f', ['7.3.4'], known)).toBeNull();
  });
  it('name the line of a mistake', () =>
    expect(() => parseKnown('- {titel: x, reference: r, kernels: [a]}\n', 'known.yaml')).toThrow(/known\.yaml:1/));
});

describe('a plan', () => {
  it('has defaults', () =>
    expect(parseHuntPlan('{}', 'p.yaml', { problem: () => null, rule: null })).toMatchObject({
      kernels: [['7.3.4', '7.3.4']],
      time: 3_600_000,
    }));
  it('names what is wrong, with its line', () => {
    expect(() => parseHuntPlan('seed: 1\ntiem: 5\n', 'p.yaml', { problem: () => null, rule: null })).toThrow(
      /p\.yaml:2[^]*time/,
    );
    expect(() =>
      parseHuntPlan('kernels: [[a, b]]\n', 'p.yaml', { problem: () => 'no such kernel', rule: null }),
    ).toThrow(/no such kernel/);
    expect(() => parseHuntPlan('generators: {calls: 0}\n', 'p.yaml', { problem: () => null, rule: null })).toThrow(
      /share above 0/,
    );
  });
});
