// SPDX-License-Identifier: Apache-2.0
// Live progress: animated on a terminal (listr2), plain lines with times elsewhere. Always on standard error, so that
// standard output holds only the verdict.
import { WriteStream } from 'node:tty';
import { printable } from '../../util/text/escape.js';
import { startClock } from '../../util/clock.js';
import { seconds } from '../text/style.js';

/** What the lab needs of a stream for people: process.stderr, or a stand-in of a test. */
export interface TextStream {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

export interface Task {
  /** Shows what the task does right now, in a few words. */
  detail(text: string): void;
  /** Shows a line that stays. */
  note(text: string): void;
}

export interface Stage {
  title: string;
  run: (task: Task) => Promise<void>;
}

/** Runs the stages one after another and shows them; rejects with the first error. */
export async function runStages(stages: readonly Stage[], stream: TextStream): Promise<void> {
  if (stream instanceof WriteStream && !process.env['CI']) await withListr(stages, stream);
  else await withLines(stages, stream);
}

/** Runs one stage, and returns its result. */
export async function inStage<T>(title: string, run: (task: Task) => Promise<T>, stream: TextStream): Promise<T> {
  const results: T[] = [];
  await runStages([{ title, run: async (task) => void results.push(await run(task)) }], stream);
  return results[0] as T;
}

/** Prints the details of a stage at most every two seconds, and a line at its end. */
async function withLines(stages: readonly Stage[], stream: TextStream): Promise<void> {
  const clock = startClock();
  const say = (text: string) => stream.write(`[${seconds(clock.now()).padStart(8)}] ${printable(text, 300)}\n`);
  for (const { title, run } of stages) {
    const began = clock.now();
    let last = began;
    let spoke = false;
    await run({
      detail: (text) => {
        if (clock.now() - last < 2000) return;
        last = clock.now();
        spoke = true;
        say(`${title}: ${text}`);
      },
      note: (text) => say(`${title}: ${text}`),
    }).catch((error: unknown) => {
      say(`${title}: failed`);
      throw error;
    });
    const took = clock.now() - began;
    if (spoke || took > 100) say(`${title}: done in ${seconds(took)}`);
  }
}

async function withListr(stages: readonly Stage[], stream: WriteStream): Promise<void> {
  const { Listr, ListrLogger, PRESET_TIMER, ProcessOutput } = await import('listr2');
  const list = new Listr(
    stages.map(({ title, run }) => ({
      title: printable(title, 200),
      task: (_context: unknown, task: { output: string; title: string }) =>
        run({
          detail: (text) => {
            task.output = printable(text, 200);
          },
          note: (text) => {
            task.title += `\n  ${printable(text, 200)}`;
          },
        }),
    })),
    {
      renderer: 'default',
      registerSignalListeners: false,
      rendererOptions: {
        timer: PRESET_TIMER,
        logger: new ListrLogger({ processOutput: new ProcessOutput(stream, stream) }),
      },
    },
  );
  await list.run();
}
