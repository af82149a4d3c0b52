// SPDX-License-Identifier: Apache-2.0
// Every way in goes through src/trust: each command that takes a file, a run or a bundle refuses a hostile one with
// status 2 and starts nothing, and no code reads a scenario or a plan without saying by which rule.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { Preparation } from '../../src/perform/prepare.js';
import { packBundle } from '../../src/repro/bundle/pack.js';
import { UsageError } from '../../src/util/errors.js';
import { sourceFiles, SRC } from '../architecture/sources.js';
import { resultOf } from '../report/result.js';
import { folderOf, PLAIN, setForTest } from './refusal.js';

const DISK = `${PLAIN}machine: {qemuArgs: [-drive, "file=/dev/sda,format=raw"]}\n`;
const SERIES = '--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n';
const PLAN = 'kernels: [7.2.12, 7.3.4]\nscenarios: [{file: evil.yaml}]\n';

/** Words after the command's name. FILE: a hostile scenario; PLAN and RUN: of it; BUNDLE: of the run. */
const HOSTILE: Readonly<Record<string, readonly string[][]>> = {
  run: [['FILE'], ['FILE', '--from', '7.3.4', '--to', '7.3.4']],
  matrix: [['PLAN'], ['PLAN', '--queue', 'redis://127.0.0.1:1']],
  check: [['--scenario', 'FILE']],
  coverage: [['FILE'], ['RUN', 'FILE']],
  shell: [['FILE'], ['RUN'], ['BUNDLE']],
  repro: [['RUN'], ['BUNDLE']],
  minimise: [['FILE'], ['RUN'], ['BUNDLE']],
  bisect: ['FILE', 'RUN', 'BUNDLE'].map((word) => [word, '--good', '7.2.12', '--bad', '7.3.4']),
  sweep: [['FILE', '--step', 'preserve']],
  try: [
    ['SERIES', '--scenario', 'FILE'],
    ['OUTSIDE', '--base', '7.3.4'],
  ],
  show: [['RUN', '--explain'], ['BUNDLE', '--explain'], ['BUNDLE']],
  dump: [['BUNDLE']],
  images: [
    ['build', 'FILE'],
    ['build', 'evil'],
  ],
};

/** Commands that read nothing which could use the host, and why. */
const OTHERS: Readonly<Record<string, string>> = {
  abi: 'reads kernels that the user types',
  bundle: 'packs a run; a kernel at a path is packed only for a run of this lab (s02)',
  diff: 'compares the results of two runs as data',
  doctor: 'reads no file of somebody else',
  fuzz: 'its plan names kernels of this lab only; its corpus is its own',
  history: 'reads results as data',
  report: 'reads results as data',
  selftests: 'makes its own plan; the tree is a kernel that the user types',
  worker: 'its jobs go through the runner (s01)',
};

async function attack(command: string, words: readonly string[]): Promise<{ error: unknown; cache: string }> {
  const folder = folderOf({
    'evil.yaml': DISK,
    'plan.yaml': PLAN,
    'x.patch': SERIES,
    'outside.patch': SERIES.replaceAll('/x.c', '/../../x.c'),
  });
  const result = resultOf('panic');
  const run = join(folder, 'results', result.id);
  mkdirSync(run, { recursive: true });
  writeFileSync(join(run, 'result.json'), JSON.stringify(result));
  writeFileSync(join(run, 'scenario.yaml'), DISK);
  const bundle = join(folder, 'x.lab.tar.gz');
  const signal = new AbortController().signal;
  const options = { output: bundle, labVersion: '0', memory: false, kernels: false, symbols: false, signal };
  await packBundle(run, [], options);
  const cache = join(folder, 'cache');
  setForTest('LAB_CACHE', cache);
  setForTest('XDG_CONFIG_HOME', join(folder, 'config'));
  const paths: Record<string, string> = {
    FILE: join(folder, 'evil.yaml'),
    PLAN: join(folder, 'plan.yaml'),
    RUN: result.id,
    BUNDLE: bundle,
    SERIES: join(folder, 'x.patch'),
    OUTSIDE: join(folder, 'outside.patch'),
  };
  const make = COMMANDS[command];
  if (make === undefined) throw new Error(`no command ${command}`);
  const program = (await make()).exitOverride();
  const inResults = words.includes('RUN') ? ['--results', join(folder, 'results')] : [];
  const argv = [...words.map((word) => paths[word] ?? word), ...inResults];
  const error = await program.parseAsync(argv, { from: 'user' }).then(
    () => null,
    (reason: unknown) => reason,
  );
  return { error, cache };
}

const CASES = Object.entries(HOSTILE).flatMap(([command, lines]) => lines.map((words) => [command, words] as const));

describe('a hostile input', () => {
  it.each(CASES)('is refused by lab %s %j, and nothing is started', async (command, words) => {
    const stages = vi.spyOn(Preparation.prototype, 'stages');
    const { error, cache } = await attack(command, words);
    expect(stages).not.toHaveBeenCalled();
    stages.mockRestore();
    // The entry of the CLI ends with status 2 for this class (src/cli/main.ts).
    expect(error).toBeInstanceOf(UsageError);
    if (words.includes('OUTSIDE')) expect(String(error)).toContain('is no path that a patch may change');
    else if (command !== 'images') {
      const file = words.includes('FILE') || words.includes('PLAN') ? 'evil.yaml' : 'scenario.yaml';
      expect(String(error)).toContain(`${file}:4:22: `);
      expect(String(error)).toContain('data may not use -drive');
      expect(String(error)).toContain('--trust');
    }
    // No kernel was looked for, fetched or built.
    expect(existsSync(cache)).toBe(false);
  });

  it('is tried with every command of the lab', () => {
    const known = [...Object.keys(HOSTILE), ...Object.keys(OTHERS)];
    expect(Object.keys(COMMANDS).filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('the code', () => {
  /** Arguments of each call of a function that reads foreign YAML, with balanced parentheses. */
  function callsIn(text: string): string[] {
    return [...text.matchAll(/(?<![\w.])(?:load|parse)(?:Scenario|Plan)\(/g)].map(({ index, 0: head }) => {
      let depth = 1;
      let end = index + head.length;
      for (; depth > 0 && end < text.length; end++) depth += text[end] === '(' ? 1 : text[end] === ')' ? -1 : 0;
      return text.slice(index, end);
    });
  }

  it('reads no scenario and no plan without a rule', () => {
    // `measure` reads the lab's own scenarios.
    const files = sourceFiles().filter((file) => !/^(?:scenario|measure)\//.test(file));
    const calls = files.flatMap((file) =>
      callsIn(readFileSync(join(SRC, file), 'utf8')).map((call) => `${file}: ${call}`),
    );
    expect(calls.length).toBeGreaterThan(8);
    expect(calls.filter((call) => !/\brule\b/.test(call))).toEqual([]);
  });

  it('is read by a test that sees a call without a rule', () => {
    expect(callsIn('await loadScenario(file, { a: f(1) }); x.parsePlan(1); parsePlan(t, g(h(2)), k)')).toEqual([
      'loadScenario(file, { a: f(1) })',
      'parsePlan(t, g(h(2)), k)',
    ]);
  });
});
