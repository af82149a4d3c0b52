// SPDX-License-Identifier: Apache-2.0
// Helpers for tests of attacks.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ruleWithin } from '../../src/host/trust.js';
import { parseScenario, ScenarioError } from '../../src/scenario/index.js';
import { temporaryFolder } from '../util/temporary.js';

export const HEAD = 'from: 7.2.12\nto: 7.3.4\n';
export const SESSIONS = 'sessions: [{name: vm0, files: [{name: ram, memfd: 4KiB}]}]\n';
export const PLAIN = `${HEAD}${SESSIONS}`;

/** Problems of a scenario in this folder that is data: `line:column message`. */
export function problemsOf(text: string, folder = '/nowhere'): string[] {
  return caught(() => parseScenario(text, join(folder, 'stranger.yaml'), { rule: ruleWithin(folder) }));
}

/** The problems of a ScenarioError that `body` throws; none if it throws nothing. */
export function caught(body: () => unknown): string[] {
  try {
    body();
    return [];
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
}

/** A folder with these files. */
export function folderOf(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Sets a variable of the environment for one test. */
export function setForTest(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}
