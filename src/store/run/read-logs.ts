// SPDX-License-Identifier: Apache-2.0
// Reads the logs of a run, with limits. Unreadable lines are left out.
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../util/json.js';
import { asNumber, asText } from '../../util/unknown.js';

const MAX_EVENTS_BYTES = 8 << 20;
const HEAD_BYTES = 4 << 20;
const TAIL_BYTES = 1 << 20;

const eventSchema = z.looseObject({ t: z.number().min(0) });

/** One line of events.jsonl. `kind`, `t` in milliseconds and `epoch` are present; the rest may be anything. */
export interface EventRead {
  kind: string;
  t: number;
  epoch: number;
  rest: Readonly<Record<string, unknown>>;
}

export function readEvents(folder: string): EventRead[] {
  return head(join(folder, 'events.jsonl'), MAX_EVENTS_BYTES)
    .text.split('\n')
    .flatMap((line) => {
      const rest = parseJson(line, eventSchema);
      return rest === null ? [] : [{ kind: asText(rest['kind']), t: rest.t, epoch: asNumber(rest['epoch']), rest }];
    });
}

export interface ConsoleRead {
  /** Lines without their line ends, from the first one. */
  head: string[];
  /** If the middle is missing: the number of missing bytes, and the lines after it, whose numbers are unknown. */
  leftOut: number;
  tail: string[];
}

export function readConsole(folder: string): ConsoleRead {
  const path = join(folder, 'console.log');
  const { text, size } = head(path, HEAD_BYTES);
  if (size <= HEAD_BYTES) return { head: lines(text), leftOut: 0, tail: [] };
  const tail = Math.min(TAIL_BYTES, size - HEAD_BYTES);
  return { head: lines(text), leftOut: size - HEAD_BYTES - tail, tail: lines(part(path, size - tail, tail)) };
}

function lines(text: string): string[] {
  const all = text.split('\n').map((line) => (line.endsWith('\r') ? line.replace(/\r+$/, '') : line));
  if (all.at(-1) === '') all.pop();
  return all;
}

function head(path: string, max: number): { text: string; size: number } {
  if (!existsSync(path)) return { text: '', size: 0 };
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size <= max) return { text: readFileSync(fd, 'utf8'), size };
  } finally {
    closeSync(fd);
  }
  return { text: part(path, 0, max), size: statSync(path).size };
}

function part(path: string, at: number, length: number): string {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(length);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, length, at));
  } finally {
    closeSync(fd);
  }
}
