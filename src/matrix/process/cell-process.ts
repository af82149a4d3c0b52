// SPDX-License-Identifier: Apache-2.0
// One process for runs, seen from the lab. Whatever happens in it, the lab goes on.
import type { Attempt } from '../../model/result/matrix.js';
import { LabError } from '../../util/errors.js';
import { parseJson } from '../../util/json.js';
import { type Child, type ChildEnd, startChild } from '../../util/process/child.js';
import { LineSplitter } from '../../util/text/lines.js';
import type { CellTask } from '../queue.js';
import { type Answer, answerSchema, lineOf, MAX_ANSWER, type Request, type SetUp } from './protocol.js';

/** Milliseconds that a stopped process has to end its machine; then it is killed, and the machine dies with it. */
const GRACE_MS = 1100;
/** Bytes of its log that are kept, from the end. */
const MAX_LOG = 16 << 10;

/** The process ended in the middle of a run. */
export class ProcessGone extends Error {
  override name = 'ProcessGone';
  constructor(
    message: string,
    readonly log: string,
  ) {
    super(message);
  }
}

export class CellProcess {
  private readonly child: Child;
  private readonly gone: Promise<void>;
  private log = '';
  private current: { answers: PromiseWithResolvers<Attempt>; detail: (text: string) => void } | null = null;
  private stopping: Promise<void> | null = null;
  /** It has ended, or is about to. */
  over = false;

  /** @param argv starts a process that serves cells (serve.ts) on its descriptors 0 and 3 */
  constructor(argv: readonly string[], setUp: SetUp) {
    this.child = startChild(argv, { stdio: ['pipe', 'ignore', 'pipe', 'pipe'], tie: 'dies-with-lab' });
    this.child.stdin?.on('error', () => undefined);
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.log = (this.log + chunk.toString('utf8')).slice(-MAX_LOG);
    });
    const lines = new LineSplitter((line, cut) => this.take(cut ? null : parseJson(line, answerSchema)), MAX_ANSWER);
    this.child.third?.on('data', (chunk: Buffer) => lines.feed(chunk));
    this.gone = this.child.ended.then(
      (end) => this.ended(howItEnded(end)),
      (error: unknown) => this.ended(String(error)),
    );
    this.send(setUp);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /**
   * Runs one cell. Rejects with ProcessGone if the process ends before its answer, with a LabError if no other cell
   * could run either, and after an abort with its reason, once nothing of the run is left.
   */
  async run(task: CellTask, signal: AbortSignal, detail: (text: string) => void): Promise<Attempt> {
    signal.throwIfAborted();
    if (this.over || this.current !== null) throw new Error('this process takes no run now');
    const answers = Promise.withResolvers<Attempt>();
    this.current = { answers, detail };
    const onAbort = () => void this.stop().then(() => answers.reject(signal.reason as Error));
    signal.addEventListener('abort', onAbort, { once: true });
    this.send({ kind: 'run', task });
    try {
      return await answers.promise;
    } catch (error) {
      // A process that was stopped is gone because of that.
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.current = null;
    }
  }

  /** Ends the run and the process, in order if it can. Every caller waits for the same end. */
  stop(): Promise<void> {
    return (this.stopping ??= this.stopOnce());
  }

  private async stopOnce(): Promise<void> {
    this.over = true;
    this.send({ kind: 'stop' });
    this.child.stdin?.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), GRACE_MS);
    await this.gone;
    clearTimeout(timer);
  }

  private send(request: Request): void {
    if (this.child.stdin?.writable) this.child.stdin.write(lineOf(request));
  }

  private take(answer: Answer | null): void {
    if (answer === null) {
      this.log += '\nit gave an answer that is none';
      this.over = true;
      this.child.kill('SIGKILL');
    } else if (answer.kind === 'detail') this.current?.detail(answer.text);
    else if (answer.kind === 'attempt') this.current?.answers.resolve(answer.attempt);
    else {
      const { message, hint, code } = answer;
      const cause = code === null ? undefined : Object.assign(new Error(message), { code });
      this.current?.answers.reject(new LabError(message, { hint, cause }));
    }
  }

  private ended(how: string): void {
    this.over = true;
    const [last = ''] = this.log.trim().split('\n').filter(isTelling).slice(-1);
    this.current?.answers.reject(
      new ProcessGone(`the process of this run ${how}${last === '' ? '' : `: ${last.trim().slice(0, 300)}`}`, this.log),
    );
  }
}

function howItEnded({ code, signal }: ChildEnd): string {
  return signal === null ? `ended with ${code}` : `was ended by ${signal}`;
}

/** Leaves out the frames of a stack and the version of Node, which end the log of an error that nobody caught. */
function isTelling(line: string): boolean {
  const text = line.trim();
  return text !== '' && !/^(at |\d+: 0x|Node\.js v|[{}]$)|^-+ /.test(text);
}
