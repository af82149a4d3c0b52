// SPDX-License-Identifier: Apache-2.0
// Every command, option and file that the docs tell people to type is there.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../../src/cli/commands.js';

const ROOT = join(import.meta.dirname, '../..');
const FILES = [
  'README.md',
  'images/README.md',
  'results/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Typed {
  command: string;
  rest: string;
}

/** Blocks of code with their language. */
function blocksOf(text: string): { language: string; code: string }[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```/gm)].map(([, language = '', code = '']) => ({ language, code }));
}

/** What is typed: `lab` where a command of a shell begins in a block, and spans of code that begin with it. */
function typedIn(text: string): Typed[] {
  const lines = blocksOf(text)
    .flatMap(({ code }) => code.split('\n'))
    .map((line) => line.trim());
  const spans = [...text.replace(/^```[^]*?^```/gm, '').matchAll(/`((?:npx )?lab [^`]*)`/g)].map(
    (match) => match[1] ?? '',
  );
  return [...lines, ...spans].flatMap((line) =>
    [...line.matchAll(/(?:^|\$ |npx |^- |; |&& |\|\| |do |'|run: )lab ([a-z]+)(?= |$)([^;&#']*)/g)].map(
      ([, command = '', rest = '']) => ({ command, rest }),
    ),
  );
}

async function named({ command, rest }: Typed): Promise<Command | null> {
  const make = COMMANDS[command];
  if (make === undefined) return null;
  const whole = await make();
  const word = /^ ([a-z]+)\b/.exec(rest)?.[1];
  return whole.commands.find((each) => each.name() === word) ?? whole;
}

/** What is wrong with it; null where nothing is. */
async function wrongWith(typed: Typed): Promise<string | null> {
  const said = `lab ${typed.command}${typed.rest}`;
  const command = await named(typed);
  if (command === null) return `${said}: there is no such command`;
  const known = new Set([
    '--help',
    ...command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long])),
    ...command.commands.flatMap((each) => each.options.flatMap(({ long }) => long ?? [])),
  ]);
  const option = [...typed.rest.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)]
    .map(([word]) => word)
    .find((word) => !known.has(word));
  if (option !== undefined) return `${said}: there is no ${option}`;
  const file = [...typed.rest.matchAll(/(?<!\S)(scenarios\/[^\s$*{]+\.yaml)(?!\S)/g)]
    .map((match) => match[1] ?? '')
    .find((path) => !existsSync(join(ROOT, path)));
  return file === undefined ? null : `${said}: there is no ${file}`;
}

describe('what the docs tell people to type', () => {
  it.each(FILES)('%s', async (file) => {
    const wrong = await Promise.all(typedIn(read(file)).map(wrongWith));
    expect(wrong.filter((each) => each !== null)).toEqual([]);
  });

  it('is found', async () => {
    expect(
      typedIn(read('docs/nightly.md'))
        .map(({ command }) => command)
        .sort(),
    ).toEqual([
      'history',
      'history',
      'history',
      'matrix',
      'matrix',
      'matrix',
      'matrix',
      'matrix',
      'report',
      'report',
      'report',
      'report',
    ]);
    expect(FILES.flatMap((file) => typedIn(read(file))).length).toBeGreaterThan(80);
    const bad = typedIn(
      '```sh\nnpx lab matrx a.yaml\nlab report --htm x; lab images list --json\n```\n' +
        'and `lab run scenarios/no-such.yaml`, `lab run --from K`',
    );
    expect(await Promise.all(bad.map(wrongWith))).toEqual([
      'lab matrx a.yaml: there is no such command',
      'lab report --htm x: there is no --htm',
      null,
      'lab run scenarios/no-such.yaml: there is no scenarios/no-such.yaml',
      null,
    ]);
  });

  it('is a script of package.json where npm runs it', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const typed = FILES.flatMap((file) =>
      [...read(file).matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] ?? ''),
    );
    expect(typed.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe('docs/commands.md', () => {
  /** The part of the page below the heading of a command. */
  const sectionOf = (name: string) =>
    read('docs/commands.md')
      .split(/^#+ /m)
      .find((part) => new RegExp(`^\`lab ${name}[\` ]`).test(part)) ?? '';

  it.each(Object.entries(COMMANDS))('lists lab %s with every option', async (name, make) => {
    const command = await make();
    const missing = (command.commands.length === 0 ? [command] : command.commands).flatMap((each) => {
      const section = sectionOf(each === command ? name : `${name} ${each.name()}`);
      return each.options.flatMap(({ long, hidden }) =>
        hidden || new RegExp(`\`${long}[\` ]`).test(section) ? [] : [`${each.name()} ${long}`],
      );
    });
    expect(missing).toEqual([]);
  });

  it('knows a section of a command from that of another', () => {
    expect(sectionOf('run')).toContain('--icount');
    expect(sectionOf('run')).not.toContain('--times');
    expect(sectionOf('nothing')).toBe('');
  });
});

describe('a night to copy', () => {
  const [service = '', timer = '', gitlab = '', github = ''] = blocksOf(read('docs/nightly.md')).map(
    ({ code }) => code,
  );
  const job = (parse(gitlab, { strict: true }) as Record<string, Record<string, string[]>>)['nightly-matrix'] ?? {};
  const steps = (
    parse(github, { strict: true }) as { jobs: { matrix: { steps: { run?: string; uses?: string; if?: string }[] } } }
  ).jobs.matrix.steps;

  it('has shell lines that a shell can read', () => {
    const scripts = [
      /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(service)?.[1] ?? '',
      ...['before_script', 'script', 'after_script'].map((key) => (job[key] ?? []).join('\n')),
      ...steps.map(({ run }) => run ?? 'true'),
    ];
    for (const script of scripts) {
      expect(script).not.toBe('');
      execFileSync('sh', ['-n'], { input: script });
    }
    expect(timer).toMatch(/^OnCalendar=/m);
  });

  it('prunes and keeps its folders after a night that failed, too', () => {
    // Both end a script at the first command that fails.
    expect(job['after_script']?.slice(0, -1).every((line) => line.endsWith('|| true'))).toBe(true);
    expect(steps.slice(steps.findIndex(({ run }) => run?.includes('lab matrix')) + 1).map((step) => step.if)).toEqual([
      'always()',
      'always()',
      'always()',
    ]);
    // actions/cache as a whole saves only where all went well.
    expect(steps.flatMap(({ uses }) => (uses?.startsWith('actions/cache') ? [uses.split('@')[0]] : []))).toEqual([
      'actions/cache/restore',
      'actions/cache/save',
    ]);
  });
});
