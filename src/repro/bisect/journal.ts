// SPDX-License-Identifier: Apache-2.0
// Keeps the answers of a bisection on disk, one line for each point, so that it can continue after a kill.
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../util/json.js';
import { type Ends, endsSchema } from './judge.js';
import { type Tried, triedSchema } from './search.js';

const entrySchema = z.object({ ends: endsSchema.optional(), tried: triedSchema.optional() });

export class Journal {
  readonly tried = new Map<number, Tried>();
  ends: Ends | null = null;

  constructor(private readonly path: string) {
    mkdirSync(dirname(path), { recursive: true });
    for (const line of linesOf(path)) this.take(line);
  }

  add(tried: Tried): void {
    this.tried.set(tried.index, tried);
    this.write({ tried });
  }

  setEnds(ends: Ends, good: Tried, bad: Tried): void {
    this.add(good);
    this.add(bad);
    this.ends = ends;
    this.write({ ends });
  }

  /** One write for each line. The line break comes first, so that a line which a kill cut short stays alone. */
  private write(entry: object): void {
    appendFileSync(this.path, `\n${JSON.stringify(entry)}`);
  }

  private take(line: string): void {
    const entry = parseJson(line, entrySchema);
    if (entry === null) return; // A kill cut this line short; the point is tried again.
    if (entry.ends !== undefined) this.ends = entry.ends;
    if (entry.tried !== undefined) this.tried.set(entry.tried.index, entry.tried);
  }
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
