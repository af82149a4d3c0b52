// SPDX-License-Identifier: Apache-2.0
// From a file to a checked, fully defaulted scenario.
import { open, readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Scenario } from '../model/scenario/scenario.js';
import type { Witness } from '../model/result/witness.js';
import { messageOf } from '../util/errors.js';
import { nearest } from '../util/text/nearest.js';
import { build } from './build.js';
import { SourceDocument } from './document.js';
import { addIssues } from './issues.js';
import { LIMITS } from './schema/limits.js';
import { ScenarioError, type ScenarioProblem } from './problem.js';
import { Problems } from './problems.js';
import { scenarioSchema } from './schema/scenario.js';

/** What the command line says instead of the file. */
export interface ScenarioOverrides {
  from?: string | undefined;
  to?: string | undefined;
  /** All kernels in order, instead of from and to or a chain. */
  kernels?: readonly string[] | undefined;
  /** Seconds. */
  timeout?: number | undefined;
  /** The machine's processors count instructions, whatever the file says. */
  icount?: boolean | undefined;
  /** Witnesses that the verdict may do without, besides those of the file. */
  without?: readonly Witness[] | undefined;
  /** Why there is no such kernel; null where there is. Without it any name will do. */
  kernelProblem?: ((name: string) => string | null) | undefined;
}

/** Checks the text of a scenario. Throws a ScenarioError that lists everything that is wrong with it. */
export function parseScenario(text: string, file: string, overrides: ScenarioOverrides = {}): Scenario {
  if (Buffer.byteLength(text) > LIMITS.fileBytes) throw new ScenarioError([tooLarge(file)]);
  const document = new SourceDocument(text, file);
  if (document.errors.length > 0) throw new ScenarioError(document.errors, text);
  const problems = new Problems(document);
  if (document.data === null || document.data === undefined) {
    throw new ScenarioError(
      [general(file, 'the file is empty', 'expected a scenario: a mapping with from, to and sessions')],
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

/** The text of a file of at most LIMITS.fileBytes. @param what what it should be, for messages */
export async function readText(path: string, what = 'scenario'): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readBounded(path, LIMITS.fileBytes + 1);
  } catch (error) {
    throw new ScenarioError([await unreadable(path, error, what)]);
  }
  if (bytes.length > LIMITS.fileBytes) throw new ScenarioError([tooLarge(path, what)]);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ScenarioError([general(path, 'the file is not UTF-8 text')]);
  }
}

/** Reads no more than the limit, whatever the path leads to. */
async function readBounded(path: string, limit: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    while (total < limit) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(65_536, limit - total)), 0, null, null);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

function general(file: string, message: string, hint: string | null = null): ScenarioProblem {
  return { file, line: 0, column: 0, message, hint };
}

function tooLarge(file: string, what = 'scenario'): ScenarioProblem {
  return general(
    file,
    `expected a ${what} of at most ${LIMITS.fileBytes} bytes`,
    what === 'scenario' ? 'count, {i} and repeat keep a file short' : null,
  );
}

async function unreadable(path: string, error: unknown, what: string): Promise<ScenarioProblem> {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EISDIR') return general(path, `expected a ${what} file, found a folder`);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return general(path, `cannot read it: ${messageOf(error)}`);
  const others = await readdir(dirname(path)).catch(() => []);
  const near = nearest(
    basename(path),
    others.filter((name) => /\.ya?ml$/.test(name)),
  );
  return general(path, `no such ${what}`, near ? `did you mean "${near}"?` : null);
}
