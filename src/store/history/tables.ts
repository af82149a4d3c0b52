// SPDX-License-Identifier: Apache-2.0
// The tables of the index. Everything in it comes from the folders of results/, so it may be deleted at any time.
import { RESULT_SCHEMA } from '../../model/result/result.js';

/** Increased with every change of the tables or their content. If the stored number differs, the index is rebuilt. */
export const INDEX_VERSION = 2000 + RESULT_SCHEMA;

/**
 * `chain` is the names of the kernels in order, separated by ` -> `. `title` is the canonical title of the cause; null
 * if nothing failed. `kernels` is the names in the cells of a night, one a line. Times are milliseconds since 1970.
 * `stamp` tells whether a file has changed since it was read.
 */
export const TABLES = `
  CREATE TABLE run (
    name TEXT PRIMARY KEY, scenario TEXT NOT NULL, file TEXT NOT NULL, chain TEXT NOT NULL,
    outcome TEXT NOT NULL, endsIn TEXT NOT NULL, expected TEXT NOT NULL,
    asExpected INTEGER NOT NULL, title TEXT, started INTEGER NOT NULL, ms REAL NOT NULL, lab TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX runOfTitle ON run (title, started) WHERE title IS NOT NULL;
  CREATE INDEX runOfKey ON run (scenario, chain, started, outcome, title);
  CREATE INDEX runOfTime ON run (started);
  CREATE TABLE night (
    name TEXT PRIMARY KEY, plan TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER,
    kernels TEXT NOT NULL, stamp TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE unreadable (
    name TEXT PRIMARY KEY, state TEXT NOT NULL, why TEXT NOT NULL, stamp TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE seen (folder TEXT NOT NULL);
  CREATE VIEW failure AS SELECT * FROM run WHERE title IS NOT NULL AND outcome <> 'infra'
    AND (outcome NOT IN ('preserved', 'refused') OR asExpected = 0);
  PRAGMA user_version = ${INDEX_VERSION};
`;
