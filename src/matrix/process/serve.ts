// SPDX-License-Identifier: Apache-2.0
// The side of the process: runs one cell after another, as its lab asks.
import type { Readable, Writable } from 'node:stream';
import { parseJson } from '../../util/json.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { LineSplitter } from '../../util/text/lines.js';
import { infraAttempt } from '../attempt.js';
import type { CellTask, RunCell } from '../queue.js';
import { type Answer, lineOf, MAX_REQUEST, MAX_TEXT, requestSchema, type SetUp } from './protocol.js';

export interface Served {
  requests: Readable;
  answers: Writable;
  /** Makes the function that runs the cells. `signal` is aborted when the process is to end. */
  open: (setUp: SetUp, signal: AbortSignal) => RunCell;
}

/** Resolves when the lab wants no more, or is gone, and the last run has ended. */
export async function serveCells({ requests, answers, open }: Served): Promise<void> {
  const stop = new AbortController();
  const ended = Promise.withResolvers<void>();
  let setUp: SetUp | null = null;
  let runCell: RunCell | null = null;
  let running: Promise<void> | null = null;
  const end = (why: string) => {
    stop.abort(new LabError(why));
    void (running ?? Promise.resolve()).then(() => ended.resolve());
  };
  const say = (answer: Answer) => void answers.write(lineOf(answer));
  answers.on('error', () => end('the lab is gone'));
  const lines = new LineSplitter((line, cut) => {
    const request = cut ? null : parseJson(line, requestSchema);
    if (request === null) ended.reject(new Error(`not a request: ${line.slice(0, 200)}`));
    else if (request.kind === 'stop') end('the lab stops this run');
    else if (request.kind === 'set-up') runCell = open((setUp = request), stop.signal);
    else if (running !== null || runCell === null || setUp === null) ended.reject(new Error('a run out of turn'));
    else
      running = runOne(request.task, runCell, setUp, stop.signal, say).finally(() => {
        running = null;
      });
  }, MAX_REQUEST);
  requests.on('data', (chunk: Buffer) => lines.feed(chunk));
  requests.on('end', () => end('the lab is gone'));
  return ended.promise;
}

async function runOne(
  task: CellTask,
  runCell: RunCell,
  { worker }: SetUp,
  signal: AbortSignal,
  say: (answer: Answer) => void,
): Promise<void> {
  const began = performance.now();
  try {
    const attempt = await runCell(task, signal, (text) => say({ kind: 'detail', text: text.slice(0, MAX_TEXT) }));
    say({ kind: 'attempt', attempt });
  } catch (error) {
    // The lab that stopped it expects no answer.
    if (signal.aborted) return;
    if (error instanceof LabError || isDiskFull(error)) {
      const { code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
      say({
        kind: 'failed',
        message: messageOf(error).slice(0, MAX_TEXT),
        hint: error instanceof LabError ? (error.hint?.slice(0, MAX_TEXT) ?? null) : null,
        code: typeof code === 'string' ? code.slice(0, 40) : null,
      });
    } else {
      // A bug of the lab costs this cell alone.
      process.stderr.write(`${(error as Error)?.stack ?? messageOf(error)}\n`);
      say({
        kind: 'attempt',
        attempt: infraAttempt(task, worker, `bug of the lab: ${messageOf(error)}`, performance.now() - began),
      });
    }
  }
}
