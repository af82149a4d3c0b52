// SPDX-License-Identifier: Apache-2.0
// The stored answers about KVM. Each stands beside what it depends on and its date, and expires.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../util/read-json.js';
import { replaceFile } from '../../util/replace-file.js';
import { type HostIdentity, identitySchema, sameIdentity } from './identity.js';

/**
 * `works`: a kernel came up. `refused`: KVM itself is at fault. `unknown`: something else was in the way, such as a
 * busy host.
 */
export const PROBE_VERDICTS = ['works', 'refused', 'unknown'] as const;

const answerSchema = z.object({
  verdict: z.enum(PROBE_VERDICTS),
  why: z.string(),
  /** ISO 8601. */
  at: z.iso.datetime(),
  on: identitySchema,
});
export type StoredAnswer = z.infer<typeof answerSchema>;

const fileSchema = z.object({ answers: z.array(answerSchema) });

/** An answer may be wrong for a reason that nobody thought of, so the lab asks again after a week. */
export const EXPIRES_DAYS = 7;
const DAY_MS = 86_400_000;
/** Number of stored answers: hosts may share a cache. */
const MAX_ANSWERS = 16;

/** Does a kernel boot on KVM, and do hardware breakpoints fire there? Each has a file of answers. */
export const QUESTIONS = ['kvm', 'breakpoints'] as const;
export type Question = (typeof QUESTIONS)[number];

export function answersFile(cacheDir: string, about: Question = 'kvm'): string {
  return join(cacheDir, 'host', `${about}.json`);
}

/** Reads all answers; none if the file is missing, damaged or of an older lab. */
export function readAnswers(file: string): StoredAnswer[] {
  return readJson(file, fileSchema)?.answers ?? [];
}

/**
 * Returns the answer that still counts. One without a verdict counts only for those who waited for it.
 * @param asked when this run asked
 */
export function findAnswer(
  answers: readonly StoredAnswer[],
  on: HostIdentity,
  { now, asked }: { now: number; asked: number },
): StoredAnswer | null {
  return (
    answers.find((answer) => {
      const at = Date.parse(answer.at);
      if (!sameIdentity(answer.on, on) || at > now || now - at > EXPIRES_DAYS * DAY_MS) return false;
      return answer.verdict !== 'unknown' || at >= asked;
    }) ?? null
  );
}

/** Stores an answer in place of the older ones of the same host. */
export function storeAnswer(file: string, answer: StoredAnswer): void {
  const others = readAnswers(file).filter(({ on }) => on.host !== answer.on.host);
  replaceFile(file, `${JSON.stringify({ answers: [answer, ...others].slice(0, MAX_ANSWERS) }, null, 2)}\n`);
}

export function forgetAnswers(cacheDir: string): void {
  for (const about of QUESTIONS) rmSync(answersFile(cacheDir, about), { force: true });
}
