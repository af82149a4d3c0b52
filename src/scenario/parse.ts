// SPDX-License-Identifier: Apache-2.0
// Reads a scenario file, checks it and fills in all defaults.
import type { Scenario } from '../model/scenario/scenario.js';
import { build } from './build.js';
import type { ScenarioOverrides } from './overrides.js';
import { scenarioSchema } from './schema/scenario.js';
import { SourceDocument } from './source/document.js';
import { addIssues } from './source/issues.js';
import { ScenarioError } from './source/problem.js';
import { Problems } from './source/problems.js';
import { fileProblem, MAX_FILE_BYTES, readText, tooLarge } from './source/read-text.js';

/** Checks the text of a scenario. Throws a ScenarioError with all problems. */
export function parseScenario(text: string, file: string, overrides: ScenarioOverrides = {}): Scenario {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) throw new ScenarioError([tooLarge(file)]);
  const document = new SourceDocument(text, file);
  if (document.errors.length > 0) throw new ScenarioError(document.errors, text);
  const problems = new Problems(document);
  if (document.data === null || document.data === undefined) {
    throw new ScenarioError(
      [fileProblem(file, 'the file is empty', 'expected a scenario: a mapping with from, to and sessions')],
      text,
    );
  }
  const result = scenarioSchema.safeParse(document.data);
  if (!result.success) addIssues(result.error.issues, document.data, problems);
  const scenario = result.success ? build(result.data, { document, problems, overrides, source: text }) : null;
  if (!problems.empty || !scenario) throw new ScenarioError(problems.sorted(), text);
  return scenario;
}

/** Reads and checks a scenario file. */
export async function loadScenario(path: string, overrides: ScenarioOverrides = {}): Promise<Scenario> {
  return parseScenario(await readText(path), path, overrides);
}
