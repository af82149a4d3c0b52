// SPDX-License-Identifier: Apache-2.0
// The ways in which a run may end and the phases in which that may happen, as scripts of the fake machine.
import type { Event } from '../../src/model/result/event.js';
import type { Reaction, Request } from './agent.js';
import type { FakeMachine, Script } from './machine.js';
import type { FakeOptions } from './run.js';

export const PHASES = ['boot', 'steps', 'load', 'leaving', 'arrival', 'judging', 'recovery'] as const;
export type Phase = (typeof PHASES)[number];
export const ENDINGS = [
  'panic',
  'reset',
  'hang',
  'oops',
  'client gone',
  'QEMU gone',
  'host starved',
  'host too busy',
  'time limit',
  'abort',
] as const;
export type Ending = (typeof ENDINGS)[number];

/**
 * Makes the ending happen.
 * @returns how the current request ends; null where it is still answered
 */
type Act = (machine: FakeMachine) => Reaction | null;

const silent: Reaction = { kind: 'silent' };

function actOf(ending: Ending, aborter: AbortController): Act {
  const then =
    (act: (machine: FakeMachine) => void, reaction: Reaction | null = silent): Act =>
    (machine) => {
      act(machine);
      return reaction;
    };
  switch (ending) {
    case 'panic':
      return then((machine) => machine.panic());
    case 'reset':
      return then((machine) => machine.reset());
    case 'hang':
      return then((machine) => machine.stand());
    case 'oops':
      return then((machine) => machine.oops(), null);
    case 'client gone':
      return then((machine) => machine.killClient());
    case 'QEMU gone':
      return then((machine) => machine.quit());
    case 'host starved':
      return then((machine) => machine.starve());
    case 'host too busy':
      return then((machine) => machine.keepWaiting());
    // The machine goes on, and the run has no time left.
    case 'time limit':
      return then((machine) => machine.stand());
    case 'abort':
      return then(() => aborter.abort(new Error('Ctrl-C')));
  }
}

/** Something to recover from: one file stays where it is. */
function leak({ kernel }: FakeMachine, { args }: Request): Reaction | null {
  if (args['token'] !== '2') return null;
  kernel.lose(args);
  return { kind: 'answer', reply: { ok: false, errno: 'EIO', at: 'LIVEUPDATE_SESSION_RETRIEVE_FD' } };
}

export interface Staged {
  script: Script;
  options: FakeOptions;
  /** True once it has happened. */
  get struck(): boolean;
}

/** @param update 1 or 2: the first leads from epoch 0 to 1 */
export function stage(ending: Ending, phase: Phase, update: number): Staged {
  const aborter = new AbortController();
  const act = actOf(ending, aborter);
  let struck = false;
  /** The phase has begun, as an event of the run tells; the next request is the one. */
  let due = false;
  let preserves = 0;
  const strike = (machine: FakeMachine): Reaction | null => {
    struck = true;
    due = false;
    return act(machine);
  };
  const [from, to] = [update - 1, update];
  const here = ({ op, epoch }: Request): boolean => {
    switch (phase) {
      case 'boot':
        return op === 'hello' && epoch === from && ending === 'client gone';
      // One file is held by then.
      case 'steps':
        return op === 'preserve' && epoch === from && ++preserves === 2;
      case 'load':
        return op === 'load' && epoch === from;
      case 'leaving':
        return op === 'go' && epoch === from;
      case 'arrival':
        return op === 'hello' && epoch === to;
      case 'judging':
      case 'recovery':
        return due;
    }
  };
  const begins = (event: Event) =>
    event.kind === 'task' &&
    event.state === 'start' &&
    event.epoch === to &&
    (phase === 'judging' ? event.task === 'oracles' : phase === 'recovery' && event.task.startsWith('recovery'));
  return {
    script: {
      booting: (machine, epoch) => {
        if (phase === 'boot' && epoch === from && ending !== 'client gone' && !struck)
          machine.later(700, () => strike(machine));
      },
      request: (machine, request) => {
        if (!struck && here(request)) return strike(machine);
        return phase === 'recovery' && request.op === 'retrieve' && request.epoch === to
          ? leak(machine, request)
          : null;
      },
    },
    options: {
      signal: aborter.signal,
      onEvent: (event) => {
        if (!struck && begins(event)) due = true;
      },
    },
    get struck() {
      return struck;
    },
  };
}
