// SPDX-License-Identifier: Apache-2.0
// Updates the index from the folders of results/: adds new ones and removes those that are gone. The folders are the
// truth.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Matrix } from '../../model/result/matrix.js';
import type { Result } from '../../model/result/result.js';
import { messageOf } from '../../util/errors.js';
import { readMatrix } from '../matrix/folder.js';
import { readRun } from '../run/read-run.js';
import { chainText } from '../matrix/pair-results.js';
import { type Database, immediately, rowsOf, textsOf } from './database.js';

/** A folder that changed less than this long ago may change again without a new timestamp. */
const RACY_MS = 2000;

export type OnFolder = (done: number, of: number) => void;

export function fill(database: Database, results: string, onFolder: OnFolder = () => undefined): void {
  const root = resolve(results);
  immediately(database, () => {
    const stamp = stampOf(root);
    const [known] = textsOf(database, 'SELECT folder FROM seen');
    const names = stamp === '' || stamp !== known ? foldersOf(root) : null;
    const writer = new Writer(database, root);
    if (names !== null) forgetGone(database, new Set(names));
    // Nights grow, and unreadable folders may have been repaired, so these are checked each time.
    const again = [...writer.changed('night'), ...writer.changed('unreadable')];
    const fresh = names === null ? [] : unknownOf(database, names);
    for (const [at, name] of [...again, ...fresh].entries()) {
      writer.take(name);
      onFolder(at + 1, again.length + fresh.length);
    }
    database.prepare('DELETE FROM seen').run();
    database.prepare('INSERT INTO seen VALUES (?)').run(stamp);
  });
}

/** Lists folders of runs and nights. Hidden ones are incomplete, or the index itself. */
function foldersOf(root: string): string[] {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Returns an empty string if the timestamp proves nothing: the folder is missing, or changed a moment ago. */
function stampOf(root: string): string {
  const stat = statSync(root, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined || Math.abs(Date.now() - Number(stat.mtimeMs)) < RACY_MS) return '';
  return `${stat.ino}:${stat.mtimeNs}`;
}

const HOLDERS = ['run', 'night', 'unreadable'] as const;

function forgetGone(database: Database, there: ReadonlySet<string>): void {
  for (const table of HOLDERS) {
    const names = textsOf(database, `SELECT name FROM ${table}`);
    const remove = database.prepare(`DELETE FROM ${table} WHERE name = ?`);
    for (const name of names) if (!there.has(name)) remove.run(name);
  }
}

function unknownOf(database: Database, names: readonly string[]): string[] {
  const known = new Set(HOLDERS.flatMap((table) => textsOf(database, `SELECT name FROM ${table}`)));
  return names.filter((name) => !known.has(name));
}

class Writer {
  private readonly insertRun;
  private readonly insertNight;
  private readonly insertUnreadable;

  constructor(
    private readonly database: Database,
    private readonly root: string,
  ) {
    this.insertRun = database.prepare('INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.insertNight = database.prepare('INSERT OR REPLACE INTO night VALUES (?, ?, ?, ?, ?, ?)');
    this.insertUnreadable = database.prepare('INSERT OR REPLACE INTO unreadable VALUES (?, ?, ?, ?)');
  }

  /** Returns the names in a table whose files have changed. */
  changed(table: 'night' | 'unreadable'): string[] {
    const rows = rowsOf<{ name: string; stamp: string }>(this.database, `SELECT name, stamp FROM ${table}`);
    return rows.filter(({ name, stamp }) => this.stamp(name) !== stamp).map(({ name }) => name);
  }

  private stamp(name: string): string {
    return ['result.json', 'matrix.json']
      .map((file) => {
        const stat = statSync(join(this.root, name, file), { bigint: true, throwIfNoEntry: false });
        return stat === undefined ? '-' : `${stat.size}:${stat.mtimeNs}`;
      })
      .join(' ');
  }

  take(name: string): void {
    const folder = join(this.root, name);
    const read = readRun(folder);
    if (read.state === 'whole') {
      this.run(name, read.result);
      this.database.prepare('DELETE FROM unreadable WHERE name = ?').run(name);
      return;
    }
    // The folder of a hunt, which the history does not have. Its findings are in the night that it belongs to.
    if (read.state === 'unfinished' && existsSync(join(folder, 'journal.jsonl'))) return;
    if (read.state === 'unfinished' && statSync(join(folder, 'matrix.json'), { throwIfNoEntry: false }) !== undefined)
      this.night(name, folder);
    else
      this.unreadable(
        name,
        read.state,
        read.state === 'unfinished'
          ? 'it has neither result.json nor matrix.json: an interrupted run, or not a folder of the lab'
          : read.why,
      );
  }

  private run(
    name: string,
    { scenario, kernels, outcome, endsIn, expected, asExpected, cause, startedAt, durations, versions }: Result,
  ): void {
    this.insertRun.run(
      name,
      scenario.name,
      scenario.file,
      chainText(kernels.map((kernel) => kernel.name)),
      outcome,
      endsIn,
      expected,
      asExpected ? 1 : 0,
      cause?.title ?? null,
      timeOf(startedAt),
      durations['total'] ?? 0,
      versions.lab,
    );
  }

  private night(name: string, folder: string): void {
    let matrix: Matrix;
    try {
      matrix = readMatrix(folder);
    } catch (error) {
      this.database.prepare('DELETE FROM night WHERE name = ?').run(name);
      this.unreadable(name, 'damaged', messageOf(error));
      return;
    }
    this.database.prepare('DELETE FROM unreadable WHERE name = ?').run(name);
    this.insertNight.run(
      name,
      matrix.plan,
      timeOf(matrix.startedAt),
      matrix.endedAt === null ? null : timeOf(matrix.endedAt),
      [...new Set(matrix.cells.flatMap(({ kernels }) => kernels))].join('\n'),
      this.stamp(name),
    );
  }

  private unreadable(name: string, state: string, why: string): void {
    this.insertUnreadable.run(name, state, why, this.stamp(name));
  }
}

/** Milliseconds since 1970; 0 if the text is not a time. */
function timeOf(text: string): number {
  const time = Date.parse(text);
  return Number.isFinite(time) ? time : 0;
}
