// SPDX-License-Identifier: Apache-2.0
// Opens the index of a results folder: results/.index/history.sqlite. What cannot be used is built anew, what cannot be
// written is kept in memory.
import type BetterSqlite3 from 'better-sqlite3';
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LabError, messageOf } from '../../util/errors.js';
import { INDEX_VERSION, TABLES } from './tables.js';

export type Database = BetterSqlite3.Database;

export interface OpenIndex {
  database: Database;
  /** Where the index could not be kept on disk: why, and it is in memory. */
  note: string | null;
}

/** How long one lab waits for another that writes the index. */
const BUSY_MS = 60_000;

/** The driver is an optional dependency: whoever only runs scenarios needs none. */
async function driver(): Promise<typeof BetterSqlite3> {
  try {
    return (await import('better-sqlite3')).default;
  } catch (cause) {
    throw new LabError('the history needs better-sqlite3, which is not installed here', {
      hint: 'npm install better-sqlite3, in the folder of the project',
      cause,
    });
  }
}

/**
 * @param results the folder that holds all runs
 * @param anew forget what is there
 */
export async function openIndex(results: string, anew = false): Promise<OpenIndex> {
  const Driver = await driver();
  const folder = join(resolve(results), '.index');
  const path = join(folder, 'history.sqlite');
  try {
    mkdirSync(folder, { recursive: true });
    if (anew) forget(path);
    return { database: usable(Driver, path), note: null };
  } catch (error) {
    const note = `the index is kept in memory, and built again each time: ${messageOf(error)}`;
    return { database: usable(Driver, ':memory:'), note };
  }
}

function usable(Driver: typeof BetterSqlite3, path: string): Database {
  try {
    return prepared(new Driver(path, { timeout: BUSY_MS }));
  } catch (error) {
    if (path === ':memory:' || !isDamaged(error)) throw error;
    forget(path);
    return prepared(new Driver(path, { timeout: BUSY_MS }));
  }
}

export function isDamaged(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}

function prepared(database: Database): Database {
  try {
    // It can be built again: no need to wait for the disk.
    database.pragma('synchronous = OFF');
    database
      .transaction(() => {
        if (database.pragma('user_version', { simple: true }) === INDEX_VERSION) return;
        const old = database
          .prepare("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND type IN ('view', 'table')")
          .all() as { type: string; name: string }[];
        for (const { type, name } of old) database.exec(`DROP ${type} "${name}"`);
        database.exec(TABLES);
      })
      .immediate();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function forget(path: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}
