// SPDX-License-Identifier: Apache-2.0
// The history of results/, answered from an index that is updated on each opening.
import type { EndsIn, Outcome } from '../../model/result/outcome.js';
import { type Bug, bugsOf } from './bugs.js';
import { fill, type OnFolder } from './fill.js';
import { type Database, isDamaged, type Parameters, rowsOf, textsOf } from './database.js';
import { openIndex } from './open.js';

export type { Bug, BugOnPair, Sighting } from './bugs.js';

/** A run in the index. Times are milliseconds since 1970. */
export interface RunRow {
  name: string;
  scenario: string;
  chain: string;
  outcome: Outcome;
  endsIn: EndsIn;
  expected: Outcome;
  asExpected: boolean;
  title: string | null;
  started: number;
  ms: number;
}

export interface NightRow {
  name: string;
  plan: string;
  started: number;
  /** Null while it runs, or if it was interrupted. */
  ended: number | null;
}

/** A folder of results/ that cannot be used, and the reason. */
export interface UnreadableRow {
  name: string;
  state: string;
  why: string;
}

export interface RunFilter {
  scenario?: string | undefined;
  chain?: string | undefined;
  outcome?: string | undefined;
  title?: string | undefined;
  /** Milliseconds since 1970. */
  since?: number | undefined;
}

const COLUMNS = 'name, scenario, chain, outcome, endsIn, expected, asExpected, title, started, ms';

export class History {
  private constructor(
    private readonly database: Database,
    readonly note: string | null,
  ) {}

  /**
   * Opens the history of a results folder and updates it.
   * @param rebuild rebuild the index from scratch
   */
  static async open(
    results: string,
    { rebuild = false, onFolder }: { rebuild?: boolean; onFolder?: OnFolder } = {},
  ): Promise<History> {
    const { database, note } = openIndex(results, { rebuild });
    try {
      fill(database, results, onFolder);
      return new History(database, note);
    } catch (error) {
      database.close();
      if (rebuild || !isDamaged(error)) throw error;
      return History.open(results, { rebuild: true, ...(onFolder === undefined ? {} : { onFolder }) });
    }
  }

  close(): void {
    this.database.close();
  }

  bugs(): Bug[] {
    return bugsOf(this.database);
  }

  bug(title: string): Bug | null {
    return bugsOf(this.database, title)[0] ?? null;
  }

  /** Newest first. */
  runs(filter: RunFilter, limit: number): RunRow[] {
    const { scenario, chain, outcome, title, since } = filter;
    const where = [
      ...(scenario === undefined ? [] : ['scenario = @scenario']),
      ...(chain === undefined ? [] : ['chain = @chain']),
      ...(outcome === undefined ? [] : ['outcome = @outcome']),
      ...(title === undefined ? [] : ['title = @title']),
      ...(since === undefined ? [] : ['started >= @since']),
    ];
    const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
    const sql = `SELECT ${COLUMNS} FROM run ${condition} ORDER BY started DESC, name DESC LIMIT @limit`;
    const bound: Parameters = { limit };
    for (const [name, value] of Object.entries(filter)) if (value !== undefined) bound[name] = value;
    const rows = rowsOf<Omit<RunRow, 'asExpected'> & { asExpected: number }>(this.database, sql, bound);
    return rows.map((row) => ({ ...row, asExpected: row.asExpected === 1 }));
  }

  /**
   * Lists nights, newest first.
   * @param plan only nights of this plan
   */
  nights(plan: string | null = null): NightRow[] {
    const where = plan === null ? '' : 'WHERE plan = @plan';
    const sql = `SELECT name, plan, started, ended FROM night ${where} ORDER BY started DESC, name DESC`;
    return rowsOf<NightRow>(this.database, sql, plan === null ? {} : { plan });
  }

  /**
   * The kernels of all nights that began earlier, whatever their plan; null if there is none.
   * @param before milliseconds since 1970
   */
  kernelsBefore(before: number): ReadonlySet<string> | null {
    const lists = textsOf(this.database, 'SELECT kernels FROM night WHERE started < @before', { before });
    return lists.length === 0 ? null : new Set(lists.flatMap((list) => list.split('\n')));
  }

  /**
   * Lists the names of older runs, oldest first.
   * @param before milliseconds since 1970
   */
  runsBefore(before: number): string[] {
    return textsOf(this.database, 'SELECT name FROM run WHERE started < @before ORDER BY started, name', { before });
  }

  unreadable(): UnreadableRow[] {
    return rowsOf<UnreadableRow>(this.database, 'SELECT name, state, why FROM unreadable ORDER BY name');
  }

  /** Counts the runs, and those whose start time is in the future of this host's clock. */
  count(now: number): { runs: number; fromTheFuture: number } {
    const sql = 'SELECT count(*) AS runs, coalesce(sum(started > @now), 0) AS fromTheFuture FROM run';
    return (
      rowsOf<{ runs: number; fromTheFuture: number }>(this.database, sql, { now })[0] ?? { runs: 0, fromTheFuture: 0 }
    );
  }
}
