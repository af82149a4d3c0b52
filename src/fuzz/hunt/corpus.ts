// SPDX-License-Identifier: Apache-2.0
// Inputs that reached something new, one file each. An entry goes once the others reach all that it reaches.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { HostRule } from '../../model/scenario/host-use.js';
import { parseScenario } from '../../scenario/index.js';
import { writeWhole } from '../../store/write-whole.js';
import { readJson } from '../../util/read-json.js';
import { GENERATORS, type Input } from '../input.js';

const entrySchema = z.object({
  index: z.number().int(),
  generator: z.enum(GENERATORS),
  versionsValid: z.boolean(),
  text: z.string(),
  features: z.array(z.string()),
});

export interface Entry {
  /** Number of the input that it was. */
  index: number;
  input: Input;
  /** What it reaches: blocks, or ends of runs where nobody sees blocks. */
  features: readonly string[];
  bytes: number;
}

export interface CorpusLimits {
  maxBytes: number;
  maxEntries: number;
  /** What a scenario of the corpus may use of this host; null if it is trusted. */
  rule: HostRule | null;
}

export class Corpus {
  private entries: Entry[] = [];
  private readonly reached = new Set<string>();
  /** Files that could not be read. */
  readonly damaged: string[] = [];

  constructor(
    private readonly folder: string,
    private readonly limits: CorpusLimits,
  ) {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder).sort()) {
      if (!/^\d+\.json$/.test(name)) continue;
      const entry = entryOf(join(folder, name), limits.rule);
      if (entry === null) this.damaged.push(name);
      else this.keep(entry);
    }
  }

  get list(): readonly Entry[] {
    return this.entries;
  }

  /** Everything that was reached, also by entries that are gone. */
  get size(): number {
    return this.reached.size;
  }

  /** Returns how much of it is new. The input is kept if anything is. */
  admit(index: number, input: Input, features: readonly string[]): number {
    const fresh = features.filter((each) => !this.reached.has(each)).length;
    if (fresh === 0) return 0;
    const { generator, versionsValid, text } = input;
    const stored = JSON.stringify({ index, generator, versionsValid, text, features });
    writeWhole(this.pathOf(index), stored);
    this.keep({ index, input, features, bytes: stored.length });
    return fresh;
  }

  /** Removes entries that the later ones make needless, then the largest ones until the limits hold. */
  reduce(): void {
    const counts = new Map<string, number>();
    for (const { features } of this.entries) for (const each of features) counts.set(each, (counts.get(each) ?? 0) + 1);
    const drop = (entry: Entry) => {
      for (const each of entry.features) counts.set(each, (counts.get(each) ?? 1) - 1);
      rmSync(this.pathOf(entry.index), { force: true });
    };
    let kept = this.entries.filter((entry) => {
      if (entry.features.some((each) => counts.get(each) === 1)) return true;
      drop(entry);
      return false;
    });
    let bytes = kept.reduce((sum, entry) => sum + entry.bytes, 0);
    for (const entry of kept.toSorted((a, b) => b.bytes - a.bytes)) {
      if (bytes <= this.limits.maxBytes && kept.length <= this.limits.maxEntries) break;
      bytes -= entry.bytes;
      kept = kept.filter((each) => each !== entry);
      drop(entry);
    }
    this.entries = kept;
  }

  private keep(entry: Entry): void {
    this.entries = [...this.entries.filter(({ index }) => index !== entry.index), entry];
    for (const each of entry.features) this.reached.add(each);
  }

  private pathOf(index: number): string {
    return join(this.folder, `${String(index).padStart(9, '0')}.json`);
  }
}

function entryOf(path: string, rule: HostRule | null): Entry | null {
  const stored = readJson(path, entrySchema);
  if (stored === null) return null;
  const { index, features, ...input } = stored;
  try {
    const scenario = parseScenario(input.text, path, { rule });
    return { index, features, input: { ...input, scenario }, bytes: JSON.stringify(stored).length };
  } catch {
    return null;
  }
}
