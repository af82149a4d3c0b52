// SPDX-License-Identifier: Apache-2.0
// Who is up, by the machine's own word, which may be anything.
import { expect, it } from 'vitest';
import { ReadyMarks } from '../../../src/run/machine/ready-marks.js';

const line = (epoch: unknown, bootId: unknown = `boot-${String(epoch)}`, release: unknown = '7.3.4') =>
  JSON.stringify({ ready: 1, epoch, bootId, release });
const ready = (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => true), new Promise<false>((resolve) => setImmediate(() => resolve(false)))]);

it('kernel after kernel, each waited for before or after its mark', async () => {
  const marks = new ReadyMarks();
  const first = marks.of(0);
  expect(marks.take(line(0), 0)).toBe(true);
  expect(await first).toEqual({ epoch: 0, bootId: 'boot-0', release: '7.3.4' });
  expect(marks.take(line(1), 0)).toBe(true);
  expect(await marks.of(1)).toMatchObject({ bootId: 'boot-1' });
});

it('what is no mark, or was said before, is nothing', async () => {
  const marks = new ReadyMarks();
  for (const said of ['', 'null', '[]', '{', '7', line('0'), line(0, 1), line(0, 'x', null)])
    expect(marks.take(said, 0)).toBe(true);
  expect(await ready(marks.of(0))).toBe(false);
  marks.take(line(0), 0);
  expect(marks.take(line(0), 0)).toBe(true);
});

it('a kernel that nobody can have jumped to came up cold', () => {
  const after = (...said: [text: string, epoch: number][]) => {
    const marks = new ReadyMarks();
    return said.map(([text, epoch]) => marks.take(text, epoch)).at(-1);
  };
  expect(after([line(1), 0])).toBe(false);
  expect(after([line(0), 0], [line(0, 'again'), 0])).toBe(false);
  expect(after([line(0), 0], [line(1), 0], [line(2), 0])).toBe(false);
  expect(after([line(0), 0], [line(1), 0], [line(2), 1])).toBe(true);
});

it('after a reset on purpose the next boot counts, and only that one', async () => {
  const marks = new ReadyMarks();
  marks.take(line(0), 0);
  const up = marks.afterReset();
  marks.take(line(0), 0);
  expect(await ready(up)).toBe(false);
  marks.take(line(0, 'cold'), 0);
  for (let i = 0; i < 1000; i++) expect(marks.take(line(i, `more-${i}`), 0)).toBe(true);
  expect(await up).toMatchObject({ bootId: 'cold' });
});
