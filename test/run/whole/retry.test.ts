// SPDX-License-Identifier: Apache-2.0
// A kexec that is refused, and what follows: the scenario tries again, or the update is called off.
import { describe, expect, it } from 'vitest';
import type { Reaction, Request } from '../../fakes/agent.js';
import type { Outcome } from '../../../src/model/result/outcome.js';
import type { FakeMachine, Script } from '../../fakes/machine.js';
import { runFake } from '../../fakes/run.js';

const BEGIN = `
chain: [a, b]
steps:
  - create: vm0
  - memfd: {name: ram, size: 16KiB}
  - preserve: {session: vm0, file: ram, token: 1}
`;
const FINISH = `
  - retrieve: vm0
  - retrieve: {session: vm0, token: 1}
  - finish: vm0
expect: preserved
`;

/** The first kernel refuses to leave so many times, and makes no session of the name "fails". */
function refusing(times: number, errno = 'EIO') {
  let left = times;
  return {
    request: (_: FakeMachine, { op, args }: Request): Reaction | null => {
      if (op === 'create' && args['session'] === 'fails')
        return { kind: 'answer', reply: { ok: false, errno: 'ENOMEM', at: 'CREATE_SESSION' } };
      return op === 'kexec' && left-- > 0 ? { kind: 'answer', reply: { ok: false, errno, at: 'reboot(KEXEC)' } } : null;
    },
  };
}

describe('a kexec that is refused as the scenario says', () => {
  it('is tried again, any number of times, and the last attempt decides', async () => {
    const { record, leftOpen } = await runFake(
      `${BEGIN}  - kexec: {errno: EIO}\n  - kexec: {errno: EIO}\n  - kexec${FINISH}`,
      refusing(2),
    );
    expect(record?.verdict.outcome).toBe('preserved');
    expect(
      record?.attempts.map(({ epoch, attempt, state, sessions, files }) => [epoch, attempt, state, sessions, files]),
    ).toEqual([
      [0, 1, 'refused', 1, 1],
      [0, 2, 'refused', 1, 1],
      [0, 3, 'judged', 1, 1],
    ]);
    expect(record?.updates).toHaveLength(1);
    expect(record?.kept).toEqual([]);
    expect(record?.incidents.map(({ implies, title }) => [implies, title])).toEqual([
      [null, 'an attempt to update was refused, as the scenario says'],
      [null, 'an attempt to update was refused, as the scenario says'],
    ]);
    expect(record?.steps.some(({ unexpected }) => unexpected)).toBe(false);
    expect(leftOpen).toEqual([]);
  });

  it('can have its sessions closed and others made before the next', async () => {
    const again = `  - kexec: {errno: EIO}
  - close: vm0
  - create: vm1
  - memfd: {name: other, size: 8KiB}
  - preserve: {session: vm1, file: other, token: 7}
  - kexec
  - retrieve: vm1
  - retrieve: {session: vm1, token: 7}
  - finish: vm1
expect: preserved
`;
    const { record } = await runFake(BEGIN + again, refusing(1));
    expect(record?.verdict.outcome).toBe('preserved');
    expect(
      record?.updates.map(({ files }) =>
        files.map(({ file: { name, session }, verdict: { state } }) => [name, session, state]),
      ),
    ).toEqual([[['other', 'vm1', 'intact']]]);
  });

  it.each([
    [
      'the last attempt is refused too',
      2,
      'EIO',
      '  - kexec: {errno: EIO}\n  - kexec: {errno: EIO}\nexpect: refused\n',
      ['refused', 'refused'],
    ],
    ['nothing is tried after it', 1, 'EIO', '  - kexec: {errno: EIO}\n  - check: ram\nexpect: refused\n', ['refused']],
    [
      'it is refused in another way than declared',
      1,
      'EBUSY',
      `  - kexec: {errno: EIO}\n  - kexec${FINISH}`,
      ['refused'],
    ],
    ['it is not declared to be', 1, 'EIO', `  - kexec${FINISH}`, ['refused']],
    [
      'a step before the next attempt fails',
      1,
      'EIO',
      `  - kexec: {errno: EIO}\n  - create: fails\n  - kexec${FINISH}`,
      ['refused', 'refused'],
    ],
  ])('ends in refused where %s', async (_, times, errno, steps, states) => {
    const { record, leftOpen, error } = await runFake(BEGIN + steps, refusing(times, errno));
    expect(error).toBeNull();
    expect(record?.attempts.map(({ state }) => state)).toEqual(states);
    expect(record?.verdict.outcome).toBe('refused');
    expect(record?.updates).toEqual([]);
    expect(leftOpen).toEqual([]);
  });

  it('stands for nothing once a later attempt has left, though the kernel spoke of a refusal', async () => {
    const script = refusing(1);
    const { record } = await runFake(`${BEGIN}  - kexec: {errno: EIO}\n  - kexec${FINISH}`, {
      request: (machine, request) => {
        const reaction = script.request(machine, request);
        if (reaction !== null)
          machine.say('[    5.637783] luo: Freeze failed for token[0x1] handler[object-v2] err[-5]\r\n');
        return reaction;
      },
    });
    expect(record?.verdict.outcome).toBe('preserved');
    expect(record?.incidents.map(({ implies, source }) => [implies, source])).toContainEqual([null, 'console']);
  });
});

describe('an old kernel after a refusal', () => {
  const steps = `${BEGIN}  - abort\nexpect: refused\n`;
  const sessionsFail = (_: FakeMachine, { op, args }: Request): Reaction | null =>
    op === 'preserve' && args['session'] === 'lab-probe'
      ? { kind: 'answer', reply: { ok: false, errno: 'EBUSY', at: 'PRESERVE_FD' } }
      : null;
  const staysHeld = (machine: FakeMachine, { op, args }: Request): Reaction | null => {
    if (op !== 'close' || args['session'] === undefined) return null;
    machine.kernel.answer(op, args);
    machine.ram.setAside(3);
    return { kind: 'answer', reply: { ok: true } };
  };
  const noClose = (_: FakeMachine, { op, args }: Request): Reaction | null =>
    op === 'close' && args['session'] === 'vm0'
      ? { kind: 'answer', reply: { ok: false, errno: 'EIO', at: 'close' } }
      : null;
  const full = (_: FakeMachine, { op, args }: Request): Reaction | null =>
    op === 'create' && args['session'] === 'lab-probe'
      ? { kind: 'answer', reply: { ok: false, errno: 'ENOMEM', at: 'CREATE_SESSION' } }
      : null;

  it('is as it was', async () => {
    const { record } = await runFake(steps);
    expect(record?.verdict).toMatchObject({ outcome: 'refused', cause: { title: 'the update was called off' } });
    expect(record?.witnesses).toMatchObject({
      marks: { looked: true, required: true },
      inside: { looked: true },
      outside: { looked: true },
    });
  });

  it.each<[string, NonNullable<Script['request']>, Outcome, string]>([
    ['its sessions take nothing any more', sessionsFail, 'lost', 'sessions work no more in the old kernel'],
    ['it takes no session at all any more', full, 'lost', 'sessions work no more in the old kernel'],
    ['pages stay set aside', staysHeld, 'leak', 'pages stay set aside in the old kernel'],
    ['a session cannot be closed', noClose, 'leak', 'a session cannot be closed'],
  ])('is not intact where %s', async (_, request, outcome, title) => {
    const { record } = await runFake(steps, { request });
    expect(record?.verdict).toMatchObject({ outcome, cause: { title } });
  });

  it('cannot be seen where its handover format is not known', async () => {
    const { record } = await runFake(
      steps,
      {},
      { plan: { formats: [null, null], unread: ['it comes without a System.map', null] } },
    );
    expect(record?.verdict).toMatchObject({ outcome: 'infra', cause: { title: 'the witness "marks" was blind' } });
    expect(record?.verdict.cause?.detail).toContain('it comes without a System.map');
  });

  it('cannot be seen where the map does not show what the sessions held', async () => {
    const { record } = await runFake(steps, { booting: ({ ram }) => (ram.setAside = () => undefined) });
    expect(record?.verdict).toMatchObject({ outcome: 'infra', cause: { title: 'the witness "marks" was blind' } });
    expect(record?.verdict.cause?.detail).toContain('sessions held 4 pages');
  });

  it('may take no memfd where it took none before', async () => {
    const none = (_: FakeMachine, { op }: Request): Reaction | null =>
      op === 'preserve' ? { kind: 'answer', reply: { ok: false, errno: 'ENOENT', at: 'PRESERVE_FD' } } : null;
    const { record } = await runFake(steps, { request: none });
    expect(record?.verdict.outcome).toBe('refused');
    const later = (machine: FakeMachine, asked: Request): Reaction | null =>
      asked.args['session'] === 'lab-probe' ? none(machine, asked) : null;
    const { record: worse } = await runFake(steps, { request: later });
    expect(worse?.verdict).toMatchObject({
      outcome: 'lost',
      cause: { title: 'sessions work no more in the old kernel' },
    });
  });

  it('may be full while the scenario has sessions open for its next attempt', async () => {
    const { request } = refusing(1);
    const { record } = await runFake(`${BEGIN}  - kexec: {errno: EIO}\n  - kexec${FINISH}`, {
      request: (machine, asked) => request(machine, asked) ?? full(machine, asked),
    });
    expect(record?.verdict.outcome).toBe('preserved');
  });
});
