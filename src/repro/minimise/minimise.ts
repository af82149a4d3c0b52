// SPDX-License-Identifier: Apache-2.0
// Makes a scenario smaller as long as it fails in the same way, until no part can be removed.
import { MAX_FILE_BYTES } from '../../scenario/source/read-text.js';
import { TimeIsUp, type Trials } from '../rerun/trials.js';
import { at, type Data, type Path, pathsOf, textOf, withValue } from './data.js';
import { ddmin, type First } from './ddmin.js';
import { type RequiredPart, requiredParts, withEntries, withWords, wordsOf } from './required.js';
import { DROPS, LISTS, numberOf, type Shrink, SHRINKS, sizeText } from './rules.js';
import { spellOutFiles, spellOutSessions, spellOutSteps } from './spell-out.js';
import { subjectsOf, withoutSubjects } from './subjects.js';
import { onlySuspects } from './suspects.js';

/** Rounds over all parts: a part may become removable once another one is gone. */
const MAX_ROUNDS = 4;
/** If more values than this have the same rule, they only change together. */
const MAX_ALONE = 8;

export interface MinimiseOptions {
  trials: Trials;
  /** Files and sessions that did not come back intact in the failed run. */
  suspects: readonly string[];
  /** Gets the part that is being made smaller. */
  onStage: (what: string) => void;
}

export interface Minimised {
  data: Data;
  required: RequiredPart[];
  /** False if the time limit came first. */
  done: boolean;
}

export async function minimise(start: Data, options: MinimiseOptions): Promise<Minimised> {
  const minimiser = new Minimiser(start, options);
  const done = await minimiser.run();
  return { data: minimiser.data, required: requiredParts(minimiser.data, options.trials), done };
}

class Minimiser {
  private suspected = false;

  constructor(
    public data: Data,
    private readonly options: MinimiseOptions,
  ) {}

  async run(): Promise<boolean> {
    try {
      this.adopt(spellOutSteps(this.data));
      this.adopt(spellOutSessions(this.data));
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const before = textOf(this.data);
        await this.round();
        if (textOf(this.data) === before) break;
      }
      return true;
    } catch (error) {
      if (error instanceof TimeIsUp) return false;
      throw error;
    }
  }

  /** Takes the spelt-out form, unless it is too large for a scenario file. */
  private adopt(data: Data): void {
    if (Buffer.byteLength(textOf(data)) <= MAX_FILE_BYTES) this.data = data;
  }

  private async holds(data: Data): Promise<boolean> {
    if (textOf(data) === textOf(this.data)) return true;
    if ((await this.options.trials.first([textOf(data)])) === null) return false;
    this.data = data;
    return true;
  }

  private async round(): Promise<void> {
    for (const { what, patterns, min } of LISTS) {
      if (what === 'sessions' && !this.suspected) {
        this.suspected = true;
        const guess = onlySuspects(this.data, this.options.suspects);
        if (guess !== null) {
          this.options.onStage('sessions under suspicion');
          await this.holds(guess);
        }
      }
      if (what === 'steps') await this.subjects();
      await this.list(what, patterns, min ?? 0);
      if (what === 'sessions') this.adopt(spellOutFiles(this.data));
    }
    await this.words();
    await this.traits();
    this.options.onStage('sizes');
    await this.holds(
      SHRINKS.filter(({ patterns }) => !patterns.includes('machine.memory')).reduce(
        (data, rule) => this.shrunk(data, rule, rule.values[0] as number),
        this.data,
      ),
    );
    for (const rule of SHRINKS) await this.shrink(rule);
  }

  private async traits(): Promise<void> {
    const base = this.data;
    const paths = DROPS.flatMap((pattern) => pathsOf(base, pattern)).filter((path) => at(base, path) !== undefined);
    await this.reduce(
      `traits, ${paths.length}`,
      paths,
      (kept) =>
        paths.filter((path) => !kept.includes(path)).reduce((data, path) => withValue(data, path, undefined), base),
      0,
    );
  }

  private async shrink(rule: Shrink): Promise<void> {
    for (let values = rule.values; values.length > 0;) {
      const candidates = values.map((value) => this.shrunk(this.data, rule, value));
      const changed = candidates.filter((data) => textOf(data) !== textOf(this.data));
      const found = changed.length === 0 ? null : await this.options.trials.first(changed.map(textOf));
      if (found === null) break;
      const best = changed[found] as Data;
      values = values.slice(0, candidates.indexOf(best));
      this.data = best;
    }
    const paths = this.placesOf(rule, this.data);
    // They cannot all get smaller, but perhaps some of them can.
    if (paths.length < 2 || paths.length > MAX_ALONE) return;
    for (const path of paths)
      for (const value of rule.values) if (await this.holds(this.shrunk(this.data, rule, value, [path]))) break;
  }

  private placesOf({ patterns }: Shrink, data: Data): Path[] {
    return patterns.flatMap((pattern) =>
      pattern.startsWith('machine.') ? [pattern.split('.')] : pathsOf(data, pattern),
    );
  }

  /** A copy in which every larger value becomes `value`. */
  private shrunk(data: Data, rule: Shrink, value: number, paths: readonly Path[] = this.placesOf(rule, data)): Data {
    const larger = paths.filter((path) => (numberOf(at(data, path)) ?? rule.default ?? 0) > value);
    return larger.reduce(
      (smaller, path) => withValue(smaller, path, rule.unit === 'bytes' ? sizeText(value) : value),
      data,
    );
  }

  private async list(what: string, patterns: readonly string[], min: number): Promise<void> {
    const items = patterns
      .flatMap((pattern) => pathsOf(this.data, pattern))
      .flatMap((path) => {
        const entries = at(this.data, path);
        return Array.isArray(entries) ? entries.map((_, index) => ({ path, index })) : [];
      });
    if (items.length === 0) return;
    const base = this.data;
    const paths = [...new Set(items.map(({ path }) => path))];
    const build = (kept: readonly { path: Path; index: number }[]) =>
      paths.reduce((data, path) => {
        const indexes = new Set(kept.filter((item) => item.path === path).map(({ index }) => index));
        const entries = (at(base, path) as unknown[]).filter((_, index) => indexes.has(index));
        return withEntries(data, path, entries);
      }, base);
    await this.reduce(`${what}, ${items.length}`, items, build, min);
  }

  private async subjects(): Promise<void> {
    const { steps } = this.data;
    if (!Array.isArray(steps)) return;
    const names = subjectsOf(steps);
    await this.reduce(
      `subjects of steps, ${names.length}`,
      names,
      (kept) => {
        const stay = new Set(kept);
        return { ...this.data, steps: withoutSubjects(steps, new Set(names.filter((name) => !stay.has(name)))) };
      },
      0,
    );
  }

  private async words(): Promise<void> {
    for (const path of pathsOf(this.data, 'cmdline.*')) {
      const words = wordsOf(at(this.data, path));
      await this.reduce(
        `kernel command line, ${words.length} words`,
        words,
        (kept) => withWords(this.data, path, kept),
        0,
      );
    }
  }

  private async reduce<T>(
    what: string,
    items: readonly T[],
    build: (kept: readonly T[]) => Data,
    min: number,
  ): Promise<void> {
    if (items.length === 0) return;
    this.options.onStage(what);
    let best = items;
    const first: First<T> = async (candidates) => {
      const found = await this.options.trials.first(candidates.map((kept) => textOf(build(kept))));
      if (found !== null) best = candidates[found] as readonly T[];
      return found;
    };
    try {
      await ddmin(items, first, min);
    } finally {
      // Keep the best so far, even if the time limit ended the search.
      if (best !== items) this.data = build(best);
    }
  }
}
