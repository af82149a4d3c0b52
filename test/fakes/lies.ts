// SPDX-License-Identifier: Apache-2.0
// Answers of an agent that cannot be trusted.
import type { Reaction, Request } from './agent.js';

type Reply = Record<string, unknown>;
export interface Lie {
  name: string;
  /** @param reply the answer of an honest agent */
  tell: (reply: Reply, request: Pick<Request, 'id'>) => Reaction;
}

const answer = (reply: Reply): Reaction => ({ kind: 'answer', reply });
const say = (bytes: string | Buffer): Reaction => ({ kind: 'say', bytes });

/** Changes every number of an answer at any depth. */
function eachNumber(value: unknown, change: (n: number) => unknown): unknown {
  if (typeof value === 'number') return change(value);
  if (Array.isArray(value)) return value.map((each) => eachNumber(each, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, eachNumber(each, change)]));
}

const numbers = (name: string, change: (n: number) => unknown): Lie => ({
  name,
  tell: (reply) => answer(eachNumber(reply, change) as Reply),
});

/** Answers that no working agent of the lab would give. */
export const BROKEN: readonly Lie[] = [
  { name: 'a line that is no answer', tell: () => say('\x1b[2J}{"id":\x00\xff segfault at 0\n') },
  { name: 'a list', tell: (_, { id }) => say(`[${id}, true]\n`) },
  {
    name: 'an answer to another request',
    tell: (_, { id }) => say(`${JSON.stringify({ id: id + 1000, ok: true, us: 1 })}\n`),
  },
  { name: 'half an answer', tell: (_, { id }) => say(`{"id":${id},"ok":tr`) },
];

/** Answers that do not fit the request. They matter where the lab needs their content. */
export const NONSENSE: readonly Lie[] = [
  { name: 'nothing but ok', tell: () => answer({ ok: true }) },
  numbers('negative numbers', (n) => -n - 1),
  numbers('numbers beyond all bounds', () => 1e308),
  numbers('words for numbers', (n) => `${n} or so`),
  numbers('fractions', (n) => n + 0.5),
];
