// SPDX-License-Identifier: Apache-2.0
// The parts of SQLite that Node's module lacks: immediate transactions, and rows as plain objects.
import { DatabaseSync } from 'node:sqlite';

export type Database = DatabaseSync;
export type Parameters = Record<string, string | number | null>;

/** How long one lab waits for another that is writing the index. */
const BUSY_MS = 60_000;

/** SQLite's primary result codes for a file that is damaged, or not a database. */
const DAMAGED = new Set([11, 26]);

export function openDatabase(path: string): Database {
  return new DatabaseSync(path, { timeout: BUSY_MS });
}

/** Runs `body` in a transaction that holds the write lock from the start. */
export function immediately(database: Database, body: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    body();
    database.exec('COMMIT');
  } catch (error) {
    // After some errors, such as a full disk, SQLite has already rolled back.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Returns all rows of a query. SQLite is trusted to return the columns that the query names. */
export function rowsOf<Row>(database: Database, sql: string, parameters: Parameters = {}): Row[] {
  // SQLite's rows have no prototype.
  return database
    .prepare(sql)
    .all(parameters)
    .map((row) => ({ ...row }) as Row);
}

/** Returns the first column of all rows, as text. */
export function textsOf(database: Database, sql: string, parameters: Parameters = {}): string[] {
  return database
    .prepare(sql)
    .all(parameters)
    .map((row) => String(Object.values(row)[0]));
}

/** True if the file must be rebuilt: it is damaged, or not a database. */
export function isDamaged(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  return DAMAGED.has(error.errcode & 0xff);
}
