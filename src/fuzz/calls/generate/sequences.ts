// SPDX-License-Identifier: Apache-2.0
// Whole sequences as an arbitrary of fast-check. It draws intents, which are numbers; the model turns them into
// operations, so that every sequence makes sense, also after fast-check has shrunk it.
import * as fc from 'fast-check';
import { MAIN } from '../../../model/scenario/client.js';
import { modelOf, type Kernels } from '../replay.js';
import type { Operation, Sequence } from '../operation.js';
import type { Intent } from './intent.js';
import { cmdlineOf } from './boots.js';
import { Draw } from './draw.js';
import { withFailures } from './failures.js';
import { addFile, ALL, SOUND } from './intents.js';
import { atKexec } from './races.js';
import { Scene } from './scene.js';

export interface SequenceOptions {
  /** Chains of kernels to choose from. */
  chains: readonly (readonly string[])[];
  facts: Kernels;
}

/** How a kernel that is not the last one is left. Mostly by an update. */
const LEAVINGS = ['update', 'update early', 'legacy', 'abort', 'kill agent', 'race'] as const;
const LEAVING_WEIGHTS = [58, 20, 1, 3, 2, 16];
/** What is done with the sessions that came: mostly all is retrieved and finished. */
const ENDINGS = ['whole', 'closed', 'as it is'] as const;
const ENDING_WEIGHTS = [84, 10, 6];
const MIN_INTENTS = 3;
const MAX_INTENTS = 14;
const NUMBERS = 8;
/** More than the weights of all intents. */
const MAX_WHAT = 0xffff;

type Leaving = (typeof LEAVINGS)[number];
type Ending = (typeof ENDINGS)[number];

interface Drawn {
  intents: { what: number; numbers: number[] }[];
  leaving: Leaving;
  ending: Ending;
  /** For the way out. */
  numbers: number[];
}

function weighted<T>(values: readonly T[], weights: readonly number[]): fc.Arbitrary<T> {
  return fc.oneof(...values.map((value, index) => ({ arbitrary: fc.constant(value), weight: weights[index] ?? 1 })));
}

export function sequences({ chains, facts }: SequenceOptions): fc.Arbitrary<Sequence> {
  const numbers = fc.array(fc.nat(0xffff), { minLength: NUMBERS, maxLength: NUMBERS });
  const intent = fc.record({ what: fc.nat(MAX_WHAT), numbers });
  const epoch = fc.record({
    intents: fc.array(intent, { minLength: MIN_INTENTS, maxLength: MAX_INTENTS, size: 'max' }),
    leaving: weighted(LEAVINGS, LEAVING_WEIGHTS),
    ending: weighted(ENDINGS, ENDING_WEIGHTS),
    numbers,
  });
  return fc
    .constantFrom(...chains)
    .chain((kernels) =>
      fc
        .record({
          boot: fc.nat(0xffff),
          careful: fc.boolean(),
          epochs: fc.array(epoch, { minLength: kernels.length, maxLength: kernels.length }),
        })
        .map(({ boot, careful, epochs }) => ({
          kernels,
          cmdline: cmdlineOf(boot),
          operations: operationsOf(kernels, epochs, { facts, intents: careful ? SOUND : ALL }),
        })),
    );
}

/** The sequence of a seed. */
export function sequenceOfSeed(seed: number, options: SequenceOptions): Sequence {
  const [sequence] = fc.sample(fc.noBias(sequences(options)), { seed, numRuns: 1 });
  if (sequence === undefined) throw new Error('fast-check gave no sequence');
  return sequence;
}

/** @param intents to choose from: where a kernel fails on a mistake, careful clients show what else it does wrong */
function operationsOf(
  kernels: readonly string[],
  epochs: readonly Drawn[],
  { facts, intents: table }: { facts: Kernels; intents: readonly Intent[] },
): Operation[] {
  const done: Operation[] = [];
  let scene = new Scene(modelOf(kernels, facts));
  const take = (operations: readonly Operation[]): void => {
    for (const operation of operations) {
      if (scene.model.step(operation).kind !== 'impossible') {
        done.push(operation);
        continue;
      }
      // It may have left traces.
      scene = scene.with(modelOf(kernels, facts));
      for (const each of done) scene.model.step(each);
      return;
    }
  };
  for (const [index, { intents, leaving, ending, numbers: way }] of epochs.entries()) {
    if (index < epochs.length - 1 && leaving === 'update early') take([{ op: 'load', via: 'file' }]);
    for (const { what, numbers } of intents) {
      const wanted = intentAt(table, what).operations(new Draw(numbers), scene);
      const granted = wanted.length > 0 ? wanted : instead(new Draw(numbers), scene);
      take(scene.model.kernel.failsAllocations ? withFailures(granted, new Draw(numbers.toReversed())) : granted);
    }
    finish(scene, ending, take);
    if (index === epochs.length - 1) break;
    leave(leaving, take, { draw: new Draw(way), scene: () => scene });
    if (leaving === 'abort') break;
  }
  return done;
}

/** What to do if the state cannot grant an intent: without sessions and files, hardly any can be granted. */
function instead(draw: Draw, scene: Scene): Operation[] {
  const handed = scene.handed()[0];
  if (handed !== undefined) return [{ op: 'retrieve-session', session: handed }];
  const waiting = scene.waiting(MAIN)[0];
  if (waiting !== undefined) return [{ op: 'retrieve', ...waiting }];
  return scene.sessions('outgoing', MAIN).length === 0
    ? [{ op: 'create', session: scene.name('s') }]
    : addFile(draw, scene);
}

function intentAt(table: readonly Intent[], what: number): Intent {
  let rest = what % table.reduce((sum, { weight }) => sum + weight, 0);
  const found = table.find(({ weight }) => (rest -= weight) < 0);
  if (found === undefined) throw new RangeError(`there is no intent ${what}`);
  return found;
}

/** Takes over what the last kernel has handed over. */
function finish(scene: Scene, ending: Ending, take: (operations: readonly Operation[]) => void): void {
  if (ending === 'as it is' || scene.model.epoch === 0) return;
  take([{ op: 'open' }]);
  for (const session of scene.handed()) take([{ op: 'retrieve-session', session }]);
  for (const client of [MAIN, ...scene.model.state.clients]) {
    const by = client === MAIN ? {} : { by: client };
    for (const { session, token, file } of scene.waiting(client))
      if (!scene.model.state.incoming.get(session)?.finished)
        take([{ op: 'retrieve', session, token, file: scene.free(file), ...by }]);
    for (const session of scene.sessions('incoming', client)) {
      if (ending === 'whole') take([{ op: 'finish', session, ...by }]);
      take([{ op: 'close', target: { kind: 'session', name: session }, ...by }]);
    }
  }
}

function leave(
  leaving: Leaving,
  take: (operations: readonly Operation[]) => void,
  { draw, scene }: { draw: Draw; scene: () => Scene },
): void {
  switch (leaving) {
    case 'abort':
      take([{ op: 'load', via: 'file' }, { op: 'abort' }]);
      return;
    case 'legacy':
      take([{ op: 'load', via: 'legacy' }, { op: 'kexec' }]);
      return;
    case 'kill agent':
      take([{ op: 'kill-agent' }]);
      take([{ op: 'load', via: 'file' }, { op: 'kexec' }]);
      return;
    case 'race': {
      const { before, during } = atKexec(draw, scene());
      take(before);
      take([{ op: 'load', via: 'file' }]);
      take([...during, { op: 'kexec' }]);
      return;
    }
    case 'update early':
      take([{ op: 'kexec' }]);
      return;
    case 'update':
      take([{ op: 'load', via: 'file' }, { op: 'kexec' }]);
  }
}
