// SPDX-License-Identifier: Apache-2.0
// Opens the index of a results folder: results/.index/history.sqlite. An unusable index is rebuilt. If it cannot be
// written, it is kept in memory.
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf } from '../../util/errors.js';
import { type Database, immediately, isDamaged, openDatabase, rowsOf } from './database.js';
import { INDEX_VERSION, TABLES } from './tables.js';

export interface OpenIndex {
  database: Database;
  /** Why the index is in memory; null if it is on disk. */
  note: string | null;
}

/** In a folder of results. */
export const INDEX_FOLDER = '.index';

export interface OpenIndexOptions {
  /** Discard the existing index. */
  rebuild?: boolean;
}

/**
 * Opens the index, and creates it if needed.
 * @param results the folder of all runs
 */
export function openIndex(results: string, { rebuild = false }: OpenIndexOptions = {}): OpenIndex {
  const folder = join(resolve(results), INDEX_FOLDER);
  const path = join(folder, 'history.sqlite');
  try {
    mkdirSync(folder, { recursive: true });
    if (rebuild) forget(path);
    return { database: usable(path), note: null };
  } catch (error) {
    const note = `the index is kept in memory and rebuilt each time: ${messageOf(error)}`;
    return { database: usable(':memory:'), note };
  }
}

function usable(path: string): Database {
  try {
    return prepared(openDatabase(path));
  } catch (error) {
    if (path === ':memory:' || !isDamaged(error)) throw error;
    forget(path);
    return prepared(openDatabase(path));
  }
}

function prepared(database: Database): Database {
  try {
    // The index can be rebuilt, so there is no need to wait for the disk.
    database.exec('PRAGMA synchronous = OFF');
    immediately(database, () => {
      const [version] = rowsOf<{ user_version: number }>(database, 'PRAGMA user_version');
      if (version?.user_version === INDEX_VERSION) return;
      dropAll(database);
      database.exec(TABLES);
    });
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function dropAll(database: Database): void {
  const old = rowsOf<{ type: string; name: string }>(
    database,
    "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND type IN ('view', 'table')",
  );
  for (const { type, name } of old) database.exec(`DROP ${type} "${name}"`);
}

function forget(path: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}
