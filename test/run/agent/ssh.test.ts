// SPDX-License-Identifier: Apache-2.0
// The SSH server starts with the first session, and a resumed kernel gets the time before anything else.
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import type { Session } from '../../../src/guest/session.js';
import { UserSpace, type Reach } from '../../../src/run/agent/user-space.js';
import { freshRenewal } from '../../../src/run/agent/renewal.js';
import { Deadlines } from '../../../src/run/engine/deadlines.js';
import { sshAgentPort } from '../../../src/run/machine/layout.js';
import { MachinePulse } from '../../../src/run/machine/pulse.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { ClientGone, LabError } from '../../../src/util/errors.js';
import { FakeSession } from '../../fakes/agent.js';
import { fakePlan } from '../../fakes/parts.js';

const FINGERPRINT = 'Ab3/'.repeat(10) + 'xyz';
const mark = (epoch: number) => ({ epoch, bootId: `boot-${epoch}`, release: '7.3.4' });
const usual = (op: string): Record<string, unknown> =>
  op === 'ssh' ? { ok: true, fingerprint: FINGERPRINT } : { ok: true };

/** A machine whose agents answer as `answer` says. */
function machine(answer = usual, more: Partial<Reach> = {}) {
  const asked: { port: number; op: string; args: Record<string, string> }[] = [];
  const logins: Parameters<Reach['connect']>[0][] = [];
  const failing = { times: 0 };
  const user = new UserSpace(
    {
      machine: {
        sshPort: 2200,
        ended: new AbortController().signal,
        pulse: new MachinePulse(() => null),
        until: (event) => event,
      },
      deadlines: new Deadlines(null),
      streams: { agent: () => undefined },
      connect: async (target): Promise<Session> => {
        logins.push(target);
        if (failing.times-- > 0) throw new ClientGone('no session');
        return new FakeSession(
          () => ({ kind: 'silent' }),
          () => null,
        );
      },
      openPort: (port) => {
        const session = new FakeSession(
          ({ op, args }) => {
            asked.push({ port, op, args });
            return op === 'die' ? { kind: 'die' } : { kind: 'answer', reply: answer(op) };
          },
          () => null,
        );
        return { open: () => session.channel(), close: () => session.close() };
      },
      sshAgent: 3,
      renew: null,
      ...more,
    },
    { of: () => new Set() },
  );
  return { user, asked, logins, failing };
}

const opsOf = (asked: { port: number; op: string }[]) => asked.map(({ port, op }) => `${port} ${op}`);

describe('the session of a kernel', () => {
  it('starts the server once, behind a port of its own, and demands the key that the agent names', async () => {
    const { user, asked, logins } = machine();
    user.meet(mark(0));
    await user.startFirst();
    expect(asked.map(({ op }) => op)).toEqual(['hello']);
    expect(await user.session()).toBe(await user.session());
    expect(opsOf(asked)).toEqual(['0 hello', '3 hello', '3 ssh']);
    expect(logins).toMatchObject([{ port: 2200, hostKey: FINGERPRINT }]);
    const key = ssh2.utils.parseKey(logins[0]?.privateKey ?? '');
    if (key instanceof Error) throw key;
    expect(key.getPublicSSH().toString('base64')).toBe(asked.at(-1)?.args['key']);
  });

  it('asks again after a failure, and in the next kernel', async () => {
    const { user, asked, logins, failing } = machine();
    failing.times = 1;
    user.meet(mark(1));
    await expect(user.session()).rejects.toThrow(ClientGone);
    await user.session();
    expect(opsOf(asked)).toEqual(['3 hello', '3 ssh', '3 ssh']);
    user.disconnect();
    user.meet(mark(2));
    await user.session();
    expect(opsOf(asked).slice(3)).toEqual(['3 hello', '3 ssh']);
    expect(new Set(logins.map(({ privateKey }) => privateKey)).size).toBe(1);
  });

  it.each([
    ['no fingerprint', { ok: true }],
    ['a number', { ok: true, fingerprint: 7 }],
    ['a short one', { ok: true, fingerprint: FINGERPRINT.slice(1) }],
    ['a long one', { ok: true, fingerprint: `${FINGERPRINT}A` }],
    ['other characters', { ok: true, fingerprint: `${FINGERPRINT.slice(1)}\n` }],
    ['a kernel without a network', { ok: false, errno: 'ENOSYS', at: 'socket: this kernel has no network\u001b' }],
  ])('refuses %s', async (_, answer) => {
    const { user, logins } = machine((op) => (op === 'ssh' ? answer : { ok: true }));
    user.meet(mark(1));
    const error = await user.session().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ClientGone);
    expect(String(error)).toMatch(answer.ok ? /no fingerprint/ : /ENOSYS \(socket: this kernel has no network\\x1b\)/);
    user.disconnect();
    user.meet(mark(0));
    await expect(user.session()).rejects.toThrow(LabError);
    expect(logins).toEqual([]);
  });
});

describe('the port of the agent that starts the server', () => {
  const step = (text: string) => `steps: [${text}]\n`;
  const portOf = (text: string, onBreakpoint?: () => Promise<void>) => {
    const scenario = parseScenario(`description: d\nfrom: 7.3.4\nto: 7.3.4\n${text}`, 'x.yaml');
    return sshAgentPort(fakePlan(scenario, onBreakpoint && { onBreakpoint }));
  };
  it('is behind those of the clients, where something needs a session', () => {
    expect(portOf(step('create: a, kexec'))).toBeNull();
    expect(portOf(step('exec: "true", kexec'))).toBe(1);
    expect(portOf(step('client: b, client: c, upload: {from: ./x, to: /x}, kexec'))).toBe(3);
    expect(portOf(step('kexec'), async () => undefined)).toBe(1);
  });
});

describe('a kernel of a machine that was resumed', () => {
  const renewal = { time: '1790000000.000000005', seed: '00ff'.repeat(8) };

  it('is renewed once, right after hello', async () => {
    const { user, asked } = machine(usual, { renew: () => renewal });
    user.meet(mark(0));
    await user.startFirst();
    await user.startOther('b');
    user.disconnect();
    user.meet(mark(1));
    await user.startFirst();
    const first = ['0 hello', '0 renew'];
    expect(opsOf(asked)).toEqual([...first, '1 hello', ...first]);
    expect(asked[1]?.args).toEqual(renewal);
  });

  it('gets the time of day, and another seed each time', () => {
    const renewals = Array.from({ length: 100 }, freshRenewal);
    for (const { time, seed } of renewals) {
      expect(time).toMatch(/^\d{10}\.\d{9}$/);
      expect(Math.abs(Number(time) * 1000 - Date.now())).toBeLessThan(60_000);
      expect(seed).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(new Set(renewals.map(({ seed }) => seed)).size).toBe(100);
  });

  it('that refuses is of no use', async () => {
    const refusal = { ok: false, errno: 'EPERM', at: 'RNDADDENTROPY' };
    const { user } = machine((op) => (op === 'renew' ? refusal : { ok: true }), { renew: () => renewal });
    user.meet(mark(0));
    await expect(user.startFirst()).rejects.toThrow('EPERM (RNDADDENTROPY)');
  });
});
