// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { runStages, type Stage } from '../../../src/report/live/progress.js';

/** Runs the stages as on a pipe and returns the lines, without their times. */
async function shown(stages: readonly Stage[]): Promise<{ lines: string[]; error: unknown }> {
  let text = '';
  const stream = { write: (chunk: string) => (text += chunk) };
  const error: unknown = await runStages(stages, stream).then(
    () => null,
    (e: unknown) => e,
  );
  expect(text).toMatch(/^(\[ *[\d.]+ s\] .*\n)*$/);
  return {
    lines: text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/^\[.*?\] /, '').replace(/[\d.]+ s$/, 'T')),
    error,
  };
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe('progress where there is no terminal', () => {
  it('is silent about what took no time', async () => {
    expect(await shown([{ title: 'quick', run: async () => undefined }])).toEqual({ lines: [], error: null });
  });

  it('tells what took a while, one stage after another', async () => {
    const order: string[] = [];
    const stage = (title: string): Stage => ({
      title,
      run: async () => {
        order.push(`${title} begins`);
        await sleep(120);
        order.push(`${title} ends`);
      },
    });
    expect((await shown([stage('one'), stage('two')])).lines).toEqual(['one: done in T', 'two: done in T']);
    expect(order).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
  });

  it('tells the failure and begins nothing more', async () => {
    let began = false;
    const { lines, error } = await shown([
      { title: 'bad', run: () => Promise.reject(new Error('no disk')) },
      {
        title: 'next',
        run: async () => {
          began = true;
        },
      },
    ]);
    expect(lines).toEqual(['bad: failed']);
    expect((error as Error).message).toBe('no disk');
    expect(began).toBe(false);
  });

  it('does not repeat every word of a busy stage', async () => {
    const { lines } = await shown([
      {
        title: 'busy',
        run: async (task) => {
          for (let i = 0; i < 20_000; i++) task.detail(`step ${i}`);
        },
      },
    ]);
    expect(lines.length).toBeLessThan(3);
  });

  it('shows what a hostile name is made of', async () => {
    const { lines } = await shown([{ title: 'x\x1b[2J\ny', run: () => sleep(120) }]);
    expect(lines).toEqual(['x\\x1b[2J\\x0ay: done in T']);
  });
});
