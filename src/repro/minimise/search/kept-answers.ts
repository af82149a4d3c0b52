// SPDX-License-Identifier: Apache-2.0
// Keeps the answers of a search on disk, one line each. The search takes the same way with the same answers, so they
// are all that is needed to continue it after an interrupt or a kill.
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { LabError, messageOf } from '../../../util/errors.js';
import { parseJson } from '../../../util/json.js';
import { type Measured, measuredSchema } from '../../rerun/rate.js';
import { type Answer, type Answers, digestOf } from './candidates.js';

const lineSchema = z.union([
  z.object({ question: z.string() }),
  z.object({ original: measuredSchema }),
  z.object({ digest: z.string(), holds: z.boolean(), instead: z.string() }),
]);

/** Larger than any search gets. */
const MAX_BYTES = 64 << 20;
const MAX_INSTEAD_CHARS = 500;

export class KeptAnswers implements Answers {
  /** How the original scenario failed; null until it has run. */
  original: Measured | null = null;
  private readonly answers = new Map<string, Answer>();
  private readonly question: string;
  /** The file says what its answers are about. */
  private begun = false;

  /**
   * @param question what the answers are about; those to another question are removed
   * @param start `again` removes all
   */
  constructor(
    private readonly path: string,
    { question, start }: { question: unknown; start: 'continue' | 'again' },
  ) {
    this.question = digestOf(JSON.stringify(question));
    const [first, ...lines] = linesOf(path).map((line) => parseJson(line, lineSchema));
    if (start === 'again' || first == null || !('question' in first) || first.question !== this.question) {
      this.remove();
      return;
    }
    this.begun = true;
    for (const line of lines) {
      if (line === null) continue; // A kill cut this line short; the candidate is tried again.
      if ('original' in line) this.original = line.original;
      if ('digest' in line) this.answers.set(line.digest, { holds: line.holds, instead: line.instead, known: true });
    }
  }

  /** How many candidates have an answer. */
  get count(): number {
    return this.answers.size;
  }

  get(digest: string): Answer | undefined {
    return this.answers.get(digest);
  }

  set(digest: string, answer: Answer): void {
    this.answers.set(digest, answer);
    this.write({ digest, holds: answer.holds, instead: answer.instead.slice(0, MAX_INSTEAD_CHARS) });
  }

  setOriginal(original: Measured): void {
    this.original = original;
    this.write({ original });
  }

  /** The search is over, or must start again. */
  remove(): void {
    rmSync(this.path, { force: true });
    this.answers.clear();
    this.original = null;
    this.begun = false;
  }

  /** One write for each line. The line break comes first, so that a line which a kill cut short stays alone. */
  private write(line: z.input<typeof lineSchema>): void {
    const lines = this.begun ? [line] : [{ question: this.question }, line];
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      appendFileSync(this.path, lines.map((each) => `\n${JSON.stringify(each)}`).join(''));
      this.begun = true;
    } catch (error) {
      throw new LabError(`${this.path} cannot be written: ${messageOf(error)}`, {
        cause: error,
        hint: 'the same command continues the search once there is room',
      });
    }
  }
}

function linesOf(path: string): string[] {
  try {
    if (statSync(path).size > MAX_BYTES) return [];
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
