// SPDX-License-Identifier: Apache-2.0
// Measures the lab on one host: versions, the README's commands, and the scenarios.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../../model/result/result.js';
import { WITNESSES } from '../../model/result/witness.js';
import { messageOf } from '../../util/errors.js';
import { type CommandResult, lastLines } from '../../util/process/command.js';
import { resultOf } from '../lab.js';
import { type Host, type HostPlan, planName } from './host.js';
import type { HostsOptions } from './options.js';
import type { CommandRow, HostRow, RunRow } from './row.js';
import { testsIn } from './tests.js';

const README = { first: 'npm ci && npx lab run scenarios/first-update.yaml', both: 'npm ci && npm test' } as const;

type Say = (text: string) => void;

/** A row without measurements. */
export function emptyRow(name: string, { suite, user }: HostPlan): HostRow {
  return {
    host: name,
    suite,
    user,
    qemu: null,
    node: null,
    npm: null,
    accel: null,
    installLine: null,
    readme: [],
    runs: [],
    failure: null,
  };
}

/** Rejects if the host itself fails, and on Ctrl-C. */
export async function checkHost(
  host: Host,
  { readme, scenarios, folder }: Pick<HostsOptions, 'readme' | 'scenarios' | 'folder'>,
  say: Say,
): Promise<HostRow> {
  const row = emptyRow(host.name, host.plan);
  row.node = await version(host, 'node --version');
  row.npm = await version(host, 'npm --version');
  const commands = host.readme ?? (readme === 'first' ? [README.first] : [README.first, README.both]);
  for (const command of commands) {
    say(`${host.name}: ${command}`);
    row.readme.push(await runReadme(host, command, { row, folder, say }));
  }
  row.qemu = await version(host, 'qemu-system-x86_64 --version');
  for (const scenario of scenarios) {
    const { run, result } = await runScenario(host, scenario);
    const why = run.asExpected || run.detail === null ? '' : `: ${run.detail}`;
    say(`${host.name}: ${scenario}: ${run.outcome ?? 'no result'} ${run.seconds.toFixed(0)} s${why}`);
    row.runs.push(run);
    row.accel ??= result?.qemu.accel ?? null;
  }
  return row;
}

async function version(host: Host, line: string): Promise<string | null> {
  const { code, stdout } = await host.run(line);
  return code === 0 ? (/\d+(\.\d+)+/.exec(stdout)?.[0] ?? null) : null;
}

/** Where the lab prints a line that installs what is missing, root runs that line, and the command starts again. */
async function runReadme(
  host: Host,
  command: string,
  { row, folder, say }: { row: HostRow; folder: string; say: Say },
): Promise<CommandRow> {
  const began = performance.now();
  let result = await host.run(command);
  const line = result.code === 0 ? null : installLineIn(outputOf(result));
  if (line !== null && host.plan.user !== 'root') {
    row.installLine = line;
    const installed = await host.run(`export DEBIAN_FRONTEND=noninteractive; ${line.replaceAll('sudo ', '')}`, {
      as: 'root',
    });
    result = installed.code === 0 ? await host.run(command) : installed;
  }
  const seconds = (performance.now() - began) / 1000;
  const tests = testsIn(result.stdout);
  if (result.code !== 0) {
    const log = join(folder, `${planName(host.plan)}.log`);
    writeFileSync(log, `${result.stdout}\n${result.stderr}`);
    say(`${host.name}: all that the command printed: ${log}`);
  }
  return { command, ok: result.code === 0, seconds, tests, detail: lastLines(outputOf(result), 12) };
}

const outputOf = ({ stdout, stderr }: CommandResult): string => `${stdout.slice(-8000)}\n${stderr}`;

/** The command that the lab tells an unprivileged user to run. */
export function installLineIn(output: string): string | null {
  return /sudo apt-get update && sudo apt-get install -y[ a-z0-9.+-]*/.exec(output)?.[0].trim() ?? null;
}

async function runScenario(host: Host, scenario: string): Promise<{ run: RunRow; result: Result | null }> {
  const began = performance.now();
  const options = ['--json', ...host.runOptions].join(' ');
  // npx would build the lab again first, which takes minutes on an emulated host.
  const ended = await host.run(`node bin/lab.js run scenarios/${scenario} ${options}`);
  const seconds = (performance.now() - began) / 1000;
  try {
    const result = resultOf(ended);
    return { run: runRowOf(scenario, result, seconds), result };
  } catch (error) {
    const detail = lastLines(outputOf(ended).trim(), 12) || `${messageOf(error)}; it ended with ${ended.code}`;
    const run = { scenario, outcome: null, asExpected: false, looked: [], blind: [], seconds, detail };
    return { run, result: null };
  }
}

export function runRowOf(
  scenario: string,
  { outcome, asExpected, witnesses, cause }: Pick<Result, 'outcome' | 'asExpected' | 'witnesses' | 'cause'>,
  seconds: number,
): RunRow {
  const needed = WITNESSES.filter((name) => witnesses[name]?.required === true);
  return {
    scenario,
    outcome,
    asExpected,
    looked: needed.filter((name) => witnesses[name]?.looked === true),
    blind: needed
      .filter((name) => witnesses[name]?.looked !== true)
      .map((witness) => ({ witness, why: witnesses[witness]?.why ?? 'it never looked' })),
    seconds,
    detail: asExpected || cause === null ? null : [cause.title, cause.detail].filter((text) => text !== '').join(': '),
  };
}
