// SPDX-License-Identifier: Apache-2.0
// Failures with the same canonical title are one bug: since when, how often, on which pairs, and whether it is gone.
import type { Outcome } from '../../model/result/outcome.js';
import { groupBy } from '../../util/process/group.js';
import { type Database, type Parameters, rowsOf } from './database.js';

export interface Sighting {
  run: string;
  /** Milliseconds since 1970. */
  at: number;
}

export interface BugOnPair {
  chain: string;
  runs: number;
  /** Milliseconds since 1970. */
  first: number;
  last: number;
}

export interface Bug {
  title: string;
  outcomes: Outcome[];
  /** How many runs showed it, and how many of those were expected to end otherwise. */
  runs: number;
  unexpected: number;
  first: Sighting;
  last: Sighting;
  pairs: BugOnPair[];
  scenarios: string[];
  /** Its share of the runs of the same scenarios and pairs, between its first and last sighting there. */
  rate: number;
  /**
   * Milliseconds since 1970 from which every scenario and pair that had shown it has run without it. Null if one has
   * not.
   */
  fixed: number | null;
}

interface BugRow {
  title: string;
  outcomes: string;
  runs: number;
  unexpected: number;
  firstRun: string;
  first: number;
  lastRun: string;
  last: number;
}

/**
 * Lists bugs, the most recently seen first.
 * @param title only this one
 */
export function bugsOf(database: Database, title: string | null = null): Bug[] {
  const only = title === null ? '' : 'WHERE title = @title';
  const bound: Parameters = title === null ? {} : { title };
  // SQLite documents that a bare column beside a single min() or max() comes from the row with that value (SELECT).
  const rows = rowsOf<BugRow>(
    database,
    `
    SELECT a.*, b.lastRun, b.last FROM
      (SELECT title, group_concat(DISTINCT outcome) AS outcomes, count(*) AS runs, sum(1 - asExpected) AS unexpected,
        name AS firstRun, min(started) AS first
      FROM failure ${only} GROUP BY title) a
      JOIN (SELECT title, name AS lastRun, max(started) AS last FROM failure ${only} GROUP BY title) b USING (title)
    ORDER BY b.last DESC, title`,
    bound,
  );
  const pairs = groupBy(
    rowsOf<BugOnPair & { title: string }>(
      database,
      `
    SELECT title, chain, count(*) AS runs, min(started) AS first, max(started) AS last FROM failure ${only}
    GROUP BY title, chain ORDER BY runs DESC, chain`,
      bound,
    ),
    titleOfRow,
  );
  const scenarios = groupBy(
    rowsOf<{ title: string; scenario: string }>(
      database,
      `
    SELECT DISTINCT title, scenario FROM failure ${only} ORDER BY scenario`,
      bound,
    ),
    titleOfRow,
  );
  const ends = new Map(endsOf(database, only, bound).map((end) => [end.title, end]));
  return rows.map(({ title: name, outcomes, runs, unexpected, firstRun, first, lastRun, last }) => {
    const end = ends.get(name);
    return {
      title: name,
      outcomes: outcomes.split(',') as Outcome[],
      runs,
      unexpected,
      first: { run: firstRun, at: first },
      last: { run: lastRun, at: last },
      pairs: (pairs.get(name) ?? []).map(({ chain, runs: count, first: from, last: to }) => ({
        chain,
        runs: count,
        first: from,
        last: to,
      })),
      scenarios: (scenarios.get(name) ?? []).map(({ scenario }) => scenario),
      rate: end === undefined || end.ran === 0 ? 1 : Math.min(1, runs / end.ran),
      fixed: end !== undefined && end.places === end.closed ? end.fixed : null,
    };
  });
}

interface EndRow {
  title: string;
  places: number;
  closed: number;
  fixed: number | null;
  ran: number;
}

/**
 * For each bug: the number of its places (scenario and pair), how many have run without it since, when the last of them
 * did, and how often they ran while it was there.
 */
function endsOf(database: Database, only: string, bound: Parameters): EndRow[] {
  return rowsOf<EndRow>(
    database,
    `
    WITH place AS (
      SELECT title, scenario, chain, min(started) AS first, max(started) AS last
      FROM failure ${only} GROUP BY title, scenario, chain)
    SELECT title, count(*) AS places, count(after) AS closed, max(after) AS fixed, sum(ran) AS ran FROM (
      SELECT p.title,
        (SELECT min(r.started) FROM run r
          WHERE r.scenario = p.scenario AND r.chain = p.chain AND r.started > p.last AND r.outcome <> 'infra') AS after,
        (SELECT count(*) FROM run r WHERE r.scenario = p.scenario AND r.chain = p.chain
          AND r.started BETWEEN p.first AND p.last AND r.outcome <> 'infra') AS ran
      FROM place p) GROUP BY title`,
    bound,
  );
}

function titleOfRow({ title }: { title: string }): string {
  return title;
}
