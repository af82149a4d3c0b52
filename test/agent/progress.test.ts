// SPDX-License-Identifier: Apache-2.0
// An operation that takes long holds nothing back, and says that it goes on: the agent's wire, with an operation of the
// test's own.
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LineSplitter } from '../../src/util/text/lines.js';
import { compile } from './agent-process.js';

const SLOW = `
#include "wire/wire.h"
#include "common/util.h"
int main(void)
{
	struct text body = { 0 };
	struct request r = { .body = &body, .id = 1 };

	wire_start();
	wire_reply(&r, 0);
	r.id = 2;
	r.reported = now_us();
	pause_ms(1000); /* as in a call that says nothing */
	for (int i = 1; i <= 100; i++) {
		wire_progress(&r, i);
		pause_ms(10);
	}
	wire_reply(&r, 0);
	wire_flush();
	return 0;
}`;

let built: ReturnType<typeof compile>;
beforeAll(() => {
  built = compile('agent', ['wire/text.c', 'wire/request.c', 'wire/reply.c', 'common/util.c'], SLOW);
}, 120_000);
afterAll(() => built.remove());

it('a reply waits for no long operation behind it; progress is told a few times a second, and grows', async () => {
  const lines: { at: number; line: { id: number; ok?: boolean; progress?: number } }[] = [];
  const child = spawn(built.program, [], { stdio: ['ignore', 'pipe', 'inherit'] });
  const splitter = new LineSplitter(
    (line) => void lines.push({ at: performance.now(), line: JSON.parse(line) as { id: number } }),
  );
  child.stdout.on('data', (chunk: Buffer) => splitter.feed(chunk));
  await new Promise((resolve) => child.once('close', resolve));
  const [first, ...rest] = lines;
  const progress = rest.slice(0, -1);
  expect(first?.line).toMatchObject({ id: 1, ok: true });
  // Without its own thread it would come with the first word of progress.
  expect((progress[0]?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(300);
  expect(progress.length).toBeGreaterThan(0);
  expect(progress.length).toBeLessThanOrEqual(8);
  const told = progress.map(({ line }) => line.progress ?? -1);
  expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
  expect(progress.every(({ line }) => line.id === 2)).toBe(true);
  expect(rest.at(-1)?.line).toMatchObject({ id: 2, ok: true });
});
