// SPDX-License-Identifier: Apache-2.0
// Which call of which client changes what the lab knows of sessions and files.
import { expect, it } from 'vitest';
import { loseClient, otherHolders } from '../../../src/run/agent/clients.js';
import { applied, type AgentAction } from '../../../src/run/agent/operations.js';
import { RunState } from '../../../src/run/state/run-state.js';

const spec = {
  kind: 'memfd',
  file: 'ram',
  size: 8192,
  seed: 7,
  holes: [],
  huge: false,
  seals: [],
  position: 0,
} as const;

function does(state: RunState, client: string, ...actions: AgentAction[]): void {
  for (const action of actions) if (!otherHolders(state, action, client)) applied(action, state);
}

function shared(): RunState {
  const state = new RunState();
  does(
    state,
    'main',
    { op: 'create', session: 's' },
    { op: 'memfd', memfd: { ...spec, holes: [], seals: [] } },
    { op: 'preserve', session: 's', file: 'ram', token: 1 },
  );
  state.holders.passed({ kind: 'session', name: 's' }, 'b');
  return state;
}

const close: AgentAction = { op: 'close', target: { kind: 'session', name: 's' } };
const lose = loseClient;

it('a session is closed with its last descriptor', () => {
  const state = shared();
  does(state, 'main', close);
  expect([state.sessions.has('s'), state.preservedFiles().length]).toEqual([true, 1]);
  does(state, 'b', close);
  expect([state.sessions.has('s'), state.preservedFiles().length]).toEqual([false, 0]);
});

it('what the client that died alone had is no more, and is still asked for', () => {
  const state = shared();
  lose(state, 'main');
  expect(state.sessions.has('s')).toBe(true);
  lose(state, 'b');
  expect([state.sessions.has('s'), state.preservedFiles().length]).toEqual([false, 1]);
});

it('a file whose preserve met the kexec is judged if it comes back', () => {
  const state = shared();
  const other = {
    name: 'late',
    session: 's',
    token: 2,
    spec: { ...spec, file: 'late', holes: [], seals: [] },
    pattern: state.files.get('ram')!.pattern,
    runs: [],
    before: null,
    hugeKiB: 0,
    retrieved: null,
    errno: null,
  };
  state.perhaps.set(RunState.key('s', 2), other);
  state.jumped();
  expect([...state.expected.values()].map(({ name }) => name)).toEqual(['ram']);
  does(state, 'main', { op: 'retrieve', session: 's', token: 2, file: 'late' });
  expect([...state.expected.values()].map(({ name }) => name)).toEqual(['ram', 'late']);
  expect(state.files.get('late')?.spec.file).toBe('late');
});
