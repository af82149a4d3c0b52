// SPDX-License-Identifier: Apache-2.0
// Keeps the answers of a bisection on disk, one line for each point, so that it can continue after a kill.
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { asRecord } from '../../util/unknown.js';
import type { Ends } from './judge.js';
import type { Tried } from './search.js';

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
    let entry: Record<string, unknown>;
    try {
      entry = asRecord(JSON.parse(line));
    } catch {
      return; // A kill cut this line short; the point is tried again.
    }
    if (entry['ends'] !== undefined) this.ends = entry['ends'] as Ends;
    const tried = entry['tried'] as Tried | undefined;
    if (tried !== undefined && typeof tried.index === 'number') this.tried.set(tried.index, tried);
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
