// SPDX-License-Identifier: Apache-2.0
// What happens in each round of `npm run endurance -- --runs N`: a function of the seed and the round's number alone.
import { Random } from '../../util/random.js';

/** Short scenarios of scenarios/ with different endings. */
export const SCENARIOS = [
  'first-update',
  'panic',
  'refused-abort',
  'corrupt',
  'lost',
  'leak',
  'reboot',
  'control',
  'kexec-load',
  'memfd-metadata',
  'never-finished',
  'liveupdate-off',
] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

/** A moment, as a share of the time that a whole run took so far. Above 1 the run has mostly ended. */
export type Moment = number;

export interface RedisGap {
  at: Moment;
  /** Milliseconds without a server. */
  ms: number;
  /** The server has lost its data when it is back. */
  forgets: boolean;
}

export type Round =
  | { kind: 'whole'; scenario: ScenarioName }
  | { kind: 'killed'; scenario: ScenarioName; at: Moment }
  /** `again`: milliseconds until the second signal. */
  | { kind: 'interrupted'; scenario: ScenarioName; at: Moment; again: number | null }
  | { kind: 'full'; scenario: ScenarioName; what: 'results' | 'temporary' | 'cache'; bytes: number }
  | {
      kind: 'queue';
      scenarios: ScenarioName[];
      redis: RedisGap[];
      /** When the worker gets SIGKILL, and another one starts. */
      workerKilled: Moment | null;
      /** When the matrix gets SIGKILL, and is resumed. */
      matrixKilled: Moment | null;
    };
export type RoundKind = Round['kind'];

const KINDS: readonly RoundKind[] = [
  ...Array<RoundKind>(6).fill('whole'),
  ...Array<RoundKind>(8).fill('killed'),
  ...Array<RoundKind>(2).fill('interrupted'),
  ...Array<RoundKind>(3).fill('full'),
  'queue',
];
/** No run writes more than this to any of the places. */
const MAX_FULL_BYTES: Readonly<Record<'results' | 'temporary' | 'cache', number>> = {
  results: 1 << 20,
  temporary: 256 << 10,
  cache: 12 << 20,
};
const MIN_FULL_BYTES = 8 << 10;
const MAX_CELLS = 3;

export function planRound(seed: number, number: number): Round {
  const random = new Random(seed, 'round', number);
  const scenario = random.pick(SCENARIOS);
  const moment = () => random.next() * 1.15;
  switch (random.pick(KINDS)) {
    case 'killed':
      return { kind: 'killed', scenario, at: moment() };
    case 'interrupted':
      return { kind: 'interrupted', scenario, at: moment(), again: random.chance(0.3) ? random.below(1500) : null };
    case 'full': {
      const what = random.pick(['results', 'results', 'temporary', 'cache'] as const);
      // As many small disks as large ones.
      const bytes = Math.round(MIN_FULL_BYTES * (MAX_FULL_BYTES[what] / MIN_FULL_BYTES) ** random.next());
      return { kind: 'full', scenario, what, bytes };
    }
    case 'queue': {
      const scenarios = Array.from({ length: 1 + random.below(MAX_CELLS) }, () => random.pick(SCENARIOS));
      const at = () => moment() * scenarios.length;
      const gap = () => ({ at: at(), ms: 100 + random.upTo(6000), forgets: random.chance(0.3) });
      return {
        kind: 'queue',
        scenarios,
        redis: Array.from({ length: random.below(3) }, gap).sort((a, b) => a.at - b.at),
        workerKilled: random.chance(0.15) ? at() : null,
        matrixKilled: random.chance(0.3) ? at() : null,
      };
    }
    default:
      return { kind: 'whole', scenario };
  }
}

/** How many runs of the lab a round starts. */
export const runsOf = (round: Round): number => (round.kind === 'queue' ? round.scenarios.length : 1);
