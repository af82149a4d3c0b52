// SPDX-License-Identifier: Apache-2.0
// Reads the folder of a run in any state. An unusable folder is reported with the reason and does not stop the caller.
import { readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { RESULT_SCHEMA, type Result } from '../../model/result/result.js';
import { messageOf } from '../../util/errors.js';
import { asRecord } from '../../util/unknown.js';
import { resultSchema } from './result-schema.js';

/** `newer`: a newer lab wrote it. `unfinished`: it has no result. `damaged`: its result is invalid. */
export type Unreadable = { state: 'newer' | 'unfinished' | 'damaged'; why: string };
export type RunRead = { state: 'whole'; result: Result } | Unreadable;

/** Bytes; the largest real results have a few hundred KiB. */
const MAX_BYTES = 64 << 20;

/** Reads and checks `result.json` in a run's folder. Never throws. */
export function readRun(folder: string): RunRead {
  const path = join(folder, 'result.json');
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) return { state: 'damaged', why: `result.json has ${size} bytes, more than any result` };
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? { state: 'unfinished', why: 'no result.json' }
      : { state: 'damaged', why: messageOf(error) };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      state: 'damaged',
      why: text.trim() === '' ? 'result.json is empty' : `result.json is not JSON: ${messageOf(error).slice(0, 200)}`,
    };
  }
  return checked(value);
}

function checked(value: unknown): RunRead {
  const { schema } = asRecord(value);
  if (typeof schema === 'number' && schema > RESULT_SCHEMA) {
    return {
      state: 'newer',
      why: `its schema is ${schema}, this lab knows ${RESULT_SCHEMA}: use the lab that wrote it, or a newer one`,
    };
  }
  const parsed = resultSchema.safeParse(value);
  return parsed.success
    ? { state: 'whole', result: parsed.data }
    : { state: 'damaged', why: `result.json: ${firstIssue(parsed.error)}` };
}

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? 'not a result' : `${issue.path.join('.')}: ${issue.message}`.slice(0, 300);
}

/**
 * Reads results by the names of their folders under `results`; null if there is no readable one. It caches the last.
 */
export function resultsOfRuns(results: string): (run: string) => Result | null {
  let last: { run: string; result: Result | null } | null = null;
  return (run) => {
    if (last?.run === run) return last.result;
    // The name comes from a file, so it must not lead to another folder.
    const read = run === basename(run) && !run.startsWith('.') ? readRun(join(resolve(results), run)) : null;
    last = { run, result: read?.state === 'whole' ? read.result : null };
    return last.result;
  };
}
