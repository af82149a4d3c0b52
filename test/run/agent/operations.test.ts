// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { AgentReply } from '../../../src/guest/agent.js';
import type { MemfdSpec } from '../../../src/model/scenario/scenario.js';
import { applied, isAgentAction, requestOf, runsOf, type AgentAction } from '../../../src/run/agent/operations.js';
import { RunState } from '../../../src/run/state/run-state.js';
import { ClientGone } from '../../../src/util/errors.js';

const memfd = (more: Partial<MemfdSpec> = {}): MemfdSpec => ({
  kind: 'memfd',
  file: 'ram',
  size: 8192,
  seed: 7,
  holes: [],
  huge: false,
  seals: [],
  position: 0,
  ...more,
});

/** The state after these calls worked. */
function after(...actions: AgentAction[]): RunState {
  const state = new RunState();
  for (const action of actions) applied(action, state);
  return state;
}

const create: AgentAction = { op: 'create', session: 'vm0' };
const make: AgentAction = { op: 'memfd', memfd: memfd() };
const preserve: AgentAction = { op: 'preserve', session: 'vm0', file: 'ram', token: 5 };

/** The state in the next kernel. */
function jumped(): RunState {
  const state = after(create, make, preserve);
  (state.files.get('ram') as { runs: unknown }).runs = [{ page: 0, pfn: 9, count: 2 }];
  state.jumped();
  return state;
}

describe('what the agent is asked', () => {
  it.each<[AgentAction, [string, Record<string, string | number>], string]>([
    [{ op: 'open' }, ['open', {}], '/dev/liveupdate'],
    [create, ['create', { session: 'vm0' }], 'vm0'],
    [{ op: 'retrieve-session', session: 'vm0' }, ['retrieve-session', { session: 'vm0' }], 'vm0'],
    [{ op: 'finish', session: 'vm0' }, ['finish', { session: 'vm0' }], 'vm0'],
    [preserve, ['preserve', { session: 'vm0', token: 5, file: 'ram' }], 'vm0/5'],
    [
      { op: 'retrieve', session: 'vm0', token: 5, file: 'back' },
      ['retrieve', { session: 'vm0', token: 5, file: 'back' }],
      'vm0/5',
    ],
    [{ op: 'close', target: { kind: 'device' } }, ['close', {}], '/dev/liveupdate'],
    [{ op: 'close', target: { kind: 'session', name: 'vm0' } }, ['close', { session: 'vm0' }], 'vm0'],
    [{ op: 'close', target: { kind: 'file', name: 'ram' } }, ['close', { file: 'ram' }], 'ram'],
    [make, ['memfd', { file: 'ram', size: 8192, seed: 7 }], 'ram'],
    [
      {
        op: 'memfd',
        memfd: memfd({
          holes: [
            { first: 1, count: 2 },
            { first: 9, count: 1 },
          ],
          huge: true,
          seals: ['grow', 'shrink'],
          position: 12,
        }),
      },
      ['memfd', { file: 'ram', size: 8192, seed: 7, holes: '1+2,9+1', huge: 1, seals: 'grow,shrink', pos: 12 }],
      'ram',
    ],
  ])('%j', (action, request, target) => {
    expect(requestOf(action, new RunState())).toMatchObject({ request, target });
    expect(isAgentAction(action)).toBe(true);
  });

  it.each(['check', 'load', 'kexec', 'abort', 'kill-agent', 'exec', 'upload', 'fault'])(
    '%s is not one call of the agent',
    (op) => {
      expect(isAgentAction({ op } as never)).toBe(false);
    },
  );

  it('more time for more memory', () => {
    expect(requestOf(make, new RunState()).bytes).toBe(8192);
    expect(requestOf(preserve, after(create, make)).bytes).toBe(8192);
    expect(requestOf(preserve, new RunState()).bytes).toBe(0);
    expect(
      requestOf(
        { op: 'close', target: { kind: 'session', name: 'vm0' } },
        after(create, make, { op: 'memfd', memfd: memfd({ file: 'b', size: 100 }) }),
      ).bytes,
    ).toBe(8292);
    expect(requestOf({ op: 'finish', session: 'vm0' }, jumped()).bytes).toBe(8192);
    expect(requestOf({ op: 'retrieve', session: 'vm0', token: 5, file: 'x' }, jumped()).bytes).toBe(8192);
  });
});

describe('what a call that worked has changed', () => {
  it('a session holds a file once it is preserved', () => {
    const state = after(create, make);
    expect(state.sessions.get('vm0')).toEqual({ name: 'vm0', kind: 'outgoing', finished: false });
    expect(state.preservedFiles()).toEqual([]);
    applied(preserve, state);
    expect(state.preservedFiles().map(({ name, preservedIn }) => [name, preservedIn])).toEqual([
      ['ram', [{ session: 'vm0', token: 5 }]],
    ]);
  });

  it('a file that two sessions hold is carried by each of them, and by the other once one is closed', () => {
    const state = after(create, { op: 'create', session: 'vm1' }, make, preserve, {
      op: 'preserve',
      session: 'vm1',
      file: 'ram',
      token: 6,
    });
    expect(state.leaving().map(({ name, session, token }) => [name, session, token])).toEqual([
      ['ram', 'vm0', 5],
      ['ram', 'vm1', 6],
    ]);
    applied({ op: 'close', target: { kind: 'session', name: 'vm1' } }, state);
    expect(state.leaving().map(({ session }) => session)).toEqual(['vm0']);
    state.jumped();
    expect([...state.expected.values()].map(({ name, session }) => [name, session])).toEqual([['ram', 'vm0']]);
  });

  it('a file that the scenario closes is carried as long as a session holds it', () => {
    const close: AgentAction = { op: 'close', target: { kind: 'file', name: 'ram' } };
    const state = after(create, make, preserve, close, make);
    expect(state.leaving().map(({ name, session }) => [name, session])).toEqual([['ram', 'vm0']]);
    applied({ op: 'close', target: { kind: 'session', name: 'vm0' } }, state);
    expect(state.preservedFiles()).toEqual([]);
    expect(after(create, make, close, preserve).preservedFiles()).toEqual([]);
  });

  it('a file with two names is there until both are closed', () => {
    const state = jumped();
    for (const file of ['back', 'again']) applied({ op: 'retrieve', session: 'vm0', token: 5, file }, state);
    applied({ op: 'close', target: { kind: 'file', name: 'back' } }, state);
    expect([...state.files].map(([name, file]) => [name, file.name])).toEqual([['again', 'again']]);
    applied({ op: 'close', target: { kind: 'file', name: 'again' } }, state);
    expect(state.files.size).toBe(0);
  });

  it('a session that its own kernel closes lets go of its files, and only of its own', () => {
    const state = after(
      create,
      { op: 'create', session: 'vm1' },
      make,
      { op: 'memfd', memfd: memfd({ file: 'other' }) },
      preserve,
      { op: 'preserve', session: 'vm1', file: 'other', token: 1 },
      { op: 'close', target: { kind: 'session', name: 'vm0' } },
    );
    expect(state.preservedFiles().map(({ name }) => name)).toEqual(['other']);
    expect([...state.sessions.keys()]).toEqual(['vm1']);
    expect(state.files.has('ram')).toBe(true);
  });

  it('a file that is closed stays in its session', () => {
    expect(
      after(create, make, preserve, { op: 'close', target: { kind: 'file', name: 'ram' } }).preservedFiles(),
    ).toHaveLength(1);
  });

  it('closing the device, opening it, and closing what is not there change nothing', () => {
    const state = after(
      create,
      make,
      preserve,
      { op: 'open' },
      { op: 'close', target: { kind: 'device' } },
      { op: 'close', target: { kind: 'session', name: 'nobody' } },
    );
    expect(state.preservedFiles()).toHaveLength(1);
    expect(state.sessions.size).toBe(1);
  });

  it('after a jump all that was held is to come back, and nothing else is left', () => {
    const state = after(create, make, preserve, { op: 'memfd', memfd: memfd({ file: 'loose' }) });
    state.jumped();
    expect([...state.expected.values()]).toMatchObject([
      { name: 'ram', session: 'vm0', token: 5, retrieved: null, errno: null },
    ]);
    expect(state.files.size + state.sessions.size).toBe(0);
  });

  it('a file comes back under a new name, and asked for twice it is the same', () => {
    const state = jumped();
    applied({ op: 'retrieve-session', session: 'vm0' }, state);
    applied({ op: 'retrieve', session: 'vm0', token: 5, file: 'back' }, state);
    applied({ op: 'retrieve', session: 'vm0', token: 5, file: 'again' }, state);
    const [carried] = [...state.expected.values()];
    expect(carried).toMatchObject({
      name: 'ram',
      runs: [{ page: 0, pfn: 9, count: 2 }],
      retrieved: { name: 'back', preservedIn: [] },
    });
    expect(state.files.get('again')).toBe(carried?.retrieved);
    expect(state.preservedFiles()).toEqual([]);
  });

  it('a token of the same number in another session, or under a name with odd characters, is another file', () => {
    const state = jumped();
    applied({ op: 'retrieve', session: 'vm1', token: 5, file: 'x' }, state);
    applied({ op: 'retrieve', session: 'vm', token: 5, file: 'x' }, state);
    expect([...state.expected.values()][0]?.retrieved).toBeNull();
    expect(RunState.key('a', 11)).not.toBe(RunState.key('a1', 1));
  });

  it('an incoming session that is finished and closed takes no file away', () => {
    const state = jumped();
    applied({ op: 'retrieve-session', session: 'vm0' }, state);
    applied({ op: 'retrieve', session: 'vm0', token: 5, file: 'ram' }, state);
    applied({ op: 'finish', session: 'vm0' }, state);
    expect(state.sessions.get('vm0')).toEqual({ name: 'vm0', kind: 'incoming', finished: true });
    applied({ op: 'close', target: { kind: 'session', name: 'vm0' } }, state);
    expect(state.files.has('ram')).toBe(true);
  });

  it('a file that came back can be handed on', () => {
    const state = jumped();
    applied({ op: 'retrieve', session: 'vm0', token: 5, file: 'ram' }, state);
    applied({ op: 'create', session: 'next' }, state);
    applied({ op: 'preserve', session: 'next', file: 'ram', token: 8 }, state);
    state.jumped();
    expect([...state.expected.values()]).toMatchObject([{ name: 'ram', session: 'next', token: 8, spec: { seed: 7 } }]);
  });
});

describe('physical pages in an answer', () => {
  const reply = (runs: unknown): AgentReply => ({ id: 1, ok: true, errno: null, at: null, us: 0, data: { runs } });

  it('are runs', () =>
    expect(
      runsOf(
        reply([
          [0, 100, 2],
          [4, 7, 1],
        ]),
        2 ** 30,
      ),
    ).toEqual([
      { page: 0, pfn: 100, count: 2 },
      { page: 4, pfn: 7, count: 1 },
    ]));

  it.each([
    ['no list', 5],
    ['pairs', [[1, 2]]],
    ['words', [['a', 'b', 'c']]],
    ['more than the machine has', [[0, 0, 2 ** 18 + 1]]],
    ['a frame that no machine has', [[0, 2 ** 45, 1]]],
    ['a page that no file has', [[2 ** 45, 1, 1]]],
    ['more in sum', Array.from({ length: 2 ** 18 + 1 }, () => [0, 0, 1])],
  ])('%s: refused', (_, runs) => {
    expect(() => runsOf(reply(runs), 2 ** 30)).toThrow(ClientGone);
  });
});
