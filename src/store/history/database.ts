// SPDX-License-Identifier: Apache-2.0
// What the index needs of SQLite beside the module of Node: pragmas, one immediate transaction, and rows as plain objects.
import { DatabaseSync } from 'node:sqlite';

export type Database = DatabaseSync;
export type Parameters = Record<string, string | number | null>;

/** How long one lab waits for another that writes the index. */
const BUSY_MS = 60_000;

/** Primary result codes of SQLite for a file that is damaged, or is no database. */
const DAMAGED = new Set([11, 26]);

export function openDatabase(path: string): Database {
  return new DatabaseSync(path, { timeout: BUSY_MS });
}

/** Runs `body` in a transaction that holds the write lock from its start. */
export function immediately(database: Database, body: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    body();
    database.exec('COMMIT');
  } catch (error) {
    // SQLite has rolled back by itself after some errors, such as a full disk.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** All rows of a query. SQLite is trusted to return the columns that the query names. */
export function rowsOf<Row>(database: Database, sql: string, parameters: Parameters = {}): Row[] {
  // Rows come without a prototype.
  return database
    .prepare(sql)
    .all(parameters)
    .map((row) => ({ ...row }) as Row);
}

/** The first column of all rows, which the query says is text. */
export function textsOf(database: Database, sql: string, parameters: Parameters = {}): string[] {
  return database
    .prepare(sql)
    .all(parameters)
    .map((row) => String(Object.values(row)[0]));
}

/** True where the file must be built again: it is damaged, or no database at all. */
export function isDamaged(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  return DAMAGED.has(error.errcode & 0xff);
}
