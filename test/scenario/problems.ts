// SPDX-License-Identifier: Apache-2.0
import { ScenarioError } from '../../src/scenario/index.js';

/** All problems of a text as `line:column message; hint`; none where it is right. */
export function problemsOf(parse: () => unknown): string[] {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.problems.map(
      ({ line, column, message, hint }) => `${line}:${column} ${message}${hint === null ? '' : `; ${hint}`}`,
    );
  }
  return [];
}
