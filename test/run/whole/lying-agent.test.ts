// SPDX-License-Identifier: Apache-2.0
// A client in the machine that says what no client says. The lab is not to blame for it, and no good outcome comes of
// it.
import { describe, expect, it } from 'vitest';
import type { Reaction, Request } from '../../fakes/agent.js';
import { runFake } from '../../fakes/run.js';
import { updatesOf } from '../../fakes/scenarios.js';

const YAML = updatesOf({ updates: 1 });
const answer = (reply: Record<string, unknown>): Reaction => ({ kind: 'answer', reply: { ok: true, ...reply } });

/** By where it begins to lie. @param epoch of the kernel that runs */
const lie = (op: string, epoch: number, reaction: Reaction) => ({
  request: (_: unknown, request: Request) => (request.op === op && request.epoch === epoch ? reaction : null),
});

const LIES: readonly [string, string, Reaction][] = [
  ['bytes that are no line of the protocol', 'verify', { kind: 'say', bytes: '\u0000\u0001Segmentation fault\n' }],
  ['JSON that is no answer', 'verify', { kind: 'say', bytes: '{"id":"all"}\n' }],
  ['a line without an end', 'verify', { kind: 'say', bytes: Buffer.alloc(50 << 20, '[') }],
  ['a long line', 'verify', { kind: 'say', bytes: Buffer.concat([Buffer.alloc(50 << 20, '7'), Buffer.from('\n')]) }],
  ['a negative count', 'verify', answer({ pages: 4, bad: -1 })],
  ['no count', 'verify', answer({})],
  ['a count that is a word', 'verify', answer({ pages: 'four', bad: 0 })],
  ['negative pages', 'pfns', answer({ runs: [[0, 8, -4]] })],
  ['pages of no machine', 'pfns', answer({ runs: [[0, 2 ** 50, 4]] })],
  ['more pages than any machine has', 'pfns', answer({ runs: [[0, 8, 2 ** 40]] })],
  ['words for pages', 'pfns', answer({ runs: 'all' })],
  ['a negative zone', 'zones', answer({ managed: -7 })],
];

describe.each(LIES)('%s', (_, op, reaction) => {
  it('from the next kernel: lost, and what never came back is judged by its pages', async () => {
    const { record, error, leftOpen } = await runFake(YAML, lie(op, 1, reaction));
    expect(error).toBeNull();
    expect(record?.incidents.map(({ implies }) => implies)).not.toContain('infra');
    expect(['lost', 'leak', 'hang']).toContain(record?.verdict.outcome);
    // A line without an end is silence; all else is not believed.
    if (record?.verdict.outcome === 'hang') expect(_).toBe('a line without an end');
    expect(record?.updates).toHaveLength(1);
    expect(leftOpen).toEqual([]);
  });
});

it('endless progress is ended, though each word of it is right', async () => {
  const { record, ms } = await runFake(YAML, {
    request: (machine, { op, id, epoch }) => {
      if (op !== 'retrieve' || epoch !== 1) return null;
      let done = 0;
      const tell = () => {
        machine.tell({ id, progress: ++done });
        machine.later(250, tell);
      };
      tell();
      return { kind: 'silent' };
    },
  });
  expect(record?.verdict).toMatchObject({ outcome: 'hang' });
  expect(record?.verdict.cause?.title).toContain('although the machine goes on');
  expect(ms).toBeLessThan(5 * 60_000);
});
