// SPDX-License-Identifier: Apache-2.0
// Which matrices and workers are there: each holds an expiring key with the team of its lab. Anybody can write such a
// key, so it decides nothing but what is said.
import type { Redis } from 'ioredis';
import { printable } from '../../util/text/escape.js';
import { matrixKey, workerKey } from './names.js';

/** Seconds after which a key expires that is not renewed. */
export const ALIVE_SECONDS = 30;
/** Keys that are looked at. */
const MAX_KEYS = 10_000;
/** Peers that are spoken of. */
const MAX_NOTED = 100;

/** Matrices that run over this Redis. */
export async function matricesOn(redis: Redis): Promise<{ id: string; team: string }[]> {
  const keys = await scan(redis, `${matrixKey('')}*`);
  const found: { id: string; team: string }[] = [];
  for (const key of keys.slice(0, MAX_NOTED)) {
    const team = await teamAt(redis, key);
    if (team !== null) found.push({ id: shown(key.slice(matrixKey('').length)), team });
  }
  return found;
}

/** Why two teams do not work together. A team is the identity of a lab, and after it the mark of its secret. */
export function differenceOf(theirs: string, mine: string): string {
  const identity = (team: string) => team.replace(/-[0-9a-f]{16}$/, '');
  return identity(theirs) === identity(mine)
    ? 'it has another LAB_QUEUE_SECRET or none'
    : `it is of lab ${identity(theirs)}, this is lab ${identity(mine)}`;
}

/** Notes, once each, workers that get no cell of a matrix, and that there are no workers at all. */
export class WorkerWatch {
  private readonly noted = new Set<string>();

  constructor(
    private readonly redis: Redis,
    private readonly team: string,
    private readonly note: (text: string) => void,
  ) {}

  async check(): Promise<void> {
    const keys = await scan(this.redis, `${workerKey('')}*`);
    for (const key of keys.slice(0, MAX_NOTED)) {
      const other = await teamAt(this.redis, key);
      const name = shown(key.slice(workerKey('').length));
      if (other !== null && other !== this.team)
        this.once(name, `worker ${name} gets no cells: ${differenceOf(other, this.team)}`);
    }
    if (keys.length === 0) this.once('none', 'there is no worker yet: lab worker --queue URL');
  }

  private once(what: string, text: string): void {
    if (this.noted.has(what) || this.noted.size > MAX_NOTED) return;
    this.noted.add(what);
    this.note(text);
  }
}

const shown = (text: string) => printable(text, 200);

async function teamAt(redis: Redis, key: string): Promise<string | null> {
  const team = await redis.getrange(key, 0, 200).catch(() => '');
  return team === '' ? null : shown(team);
}

async function scan(redis: Redis, pattern: string): Promise<string[]> {
  const found = new Set<string>();
  for (let cursor = '0', first = true; (first || cursor !== '0') && found.size < MAX_KEYS; first = false) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 500);
    cursor = next;
    for (const key of keys) found.add(key);
  }
  return [...found].sort();
}
