// SPDX-License-Identifier: Apache-2.0
// Runs the real command as a user would, and gives back what it said.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from '../../src/model/result/result.js';
import { printable } from '../../src/util/text/escape.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const LAB = join(ROOT, 'bin/lab.js');

export interface LabExit {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `lab` to its end. */
export function lab(args: readonly string[], env: Record<string, string> = {}): Promise<LabExit> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [LAB, ...args],
      { cwd: ROOT, env: { ...process.env, ...env }, maxBuffer: 64 << 20 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

/** Process ids of QEMU processes whose files are under a folder. */
export function machinesUnder(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return line.startsWith('qemu-system') && line.includes(folder);
      } catch {
        return false;
      }
    });
}

export interface LabRun extends LabExit {
  result: Result;
  /** Names of the folders under the results folder, then removed. */
  folders: string[];
  /** The last lines of the console. */
  consoleEnd: string;
}

const CONSOLE_LINES = 25;

/** The end of a run's console, which tells more about a wrong verdict than the verdict does. */
function consoleEndOf(folder: string): string {
  const path = join(folder, 'console.log');
  if (!existsSync(path)) return '';
  const end = readFileSync(path, 'latin1').replaceAll('\r', '').trimEnd().split('\n').slice(-CONSOLE_LINES);
  return end.map((line) => printable(line, 300)).join('\n');
}

/** `lab run --json` of one scenario into a folder of its own. */
export async function labRun(
  scenario: string,
  args: readonly string[] = [],
  look?: (folder: string) => void,
): Promise<LabRun> {
  const results = temporary();
  try {
    const exit = await lab(['run', scenario, '--json', '--results', results, ...args]);
    let result: Result;
    try {
      result = JSON.parse(exit.stdout) as Result;
    } catch {
      throw new Error(
        `lab run ${scenario} printed no result (exit status ${exit.code}):\n${exit.stderr}\n` +
          `${exit.stdout.slice(0, 2000)}`,
      );
    }
    const folders = readdirSync(results);
    const folder = folders[0] === undefined ? null : join(results, folders[0]);
    if (folder !== null) look?.(folder);
    return { ...exit, result, folders, consoleEnd: folder === null ? '' : consoleEndOf(folder) };
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

export function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'lab-test-'));
}

/** For a failing assertion: why the lab came to its verdict. */
export function why(run: LabRun): string {
  const { outcome, cause, incidents } = run.result;
  return (
    `${outcome}: ${cause?.title} ${cause?.detail.slice(0, 500)}\n` +
    `${incidents.map(({ implies, title }) => `${implies}: ${title}`).join('\n')}\n${run.stderr}\n` +
    `the console's end:\n${run.consoleEnd}`
  );
}
