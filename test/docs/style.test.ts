// SPDX-License-Identifier: Apache-2.0
// The form of the docs: narrow tables, wrapped prose, plain words, and links and paths that lead somewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const pagesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const PAGES = pagesIn('docs');
const FILES = [...pagesIn('.'), 'images/README.md', 'lab/README.md', 'results/README.md', ...PAGES];

const MAX_COLUMNS = 3;
const MAX_WIDTH = 100;
const QUAINT = /\b(foretel[ls]|foretold|ask(s|ed)? back|made anew|doings|in its stead|whoever|thereby|wherein)\b/i;

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Text without blocks of code; line numbers stay. */
function proseOf(text: string): string[] {
  let inCode = false;
  return text.split('\n').map((line) => {
    const isFence = /^\s*```/.test(line);
    if (isFence) inCode = !inCode;
    return inCode || isFence ? '' : line;
  });
}

function columnsOf(row: string): number {
  const bare = row.replaceAll('\\|', ' ').replaceAll(/`[^`]*`/g, 'code');
  return bare.trim().replace(/^\|/, '').replace(/\|$/, '').split('|').length;
}

function formOf(line: string): string[] {
  if (line.startsWith('|')) return columnsOf(line) > MAX_COLUMNS ? [`${columnsOf(line)} columns`] : [];
  // A link cannot be broken anywhere.
  return line.length > MAX_WIDTH && !/\]\(|https?:/.test(line) ? [`${line.length} characters`] : [];
}

function problemsIn(text: string): string[] {
  return proseOf(text).flatMap((line, index) => {
    const quaint = QUAINT.exec(line)?.[0];
    return [...formOf(line), ...(quaint === undefined ? [] : [`"${quaint}"`])].map((what) => `${index + 1}: ${what}`);
  });
}

/** The name that a heading has in a link, as GitHub and GitLab make it. */
function anchorOf(heading: string): string {
  const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
}

function anchorsOf(file: string): string[] {
  return proseOf(read(file)).flatMap((line) => /^#+ (.*)$/.exec(line)?.slice(1, 2).map(anchorOf) ?? []);
}

/** Links within the repository that lead nowhere. */
function deadLinksIn(file: string, text: string): string[] {
  const links = [
    ...proseOf(text)
      .join('\n')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map((match) => match[1] ?? '');
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
}

/** Files of the lab that a page names and that are not there. Patterns and placeholders stand for several. */
function missingPathsIn(text: string): string[] {
  const named = [...text.matchAll(/(?<![\w/.-])(?:src|lab|test|images|scenarios|schema|bin)\/[\w./*{}<>$-]+/g)];
  return named
    .map(([path]) => path.replace(/[./]+$/, ''))
    .filter((path) => !/[*{}<>$]|[A-Z]{2}|\.\.\./.test(path) && !existsSync(join(ROOT, path)));
}

describe.each(FILES)('%s', (file) => {
  const text = read(file);

  it('has narrow tables, wrapped prose and plain words', () => {
    expect(problemsIn(text)).toEqual([]);
  });

  it('says in its first two lines what question it answers', () => {
    const [, ...lines] = text.split('\n').filter((line) => line !== '');
    expect(PAGES.includes(file) ? lines.slice(0, 2).join(' ') : '?').toContain('?');
  });

  it('has links that lead somewhere', () => {
    expect(deadLinksIn(file, text)).toEqual([]);
  });

  it('names files that exist', () => {
    expect(missingPathsIn(text)).toEqual([]);
  });
});

describe('scenarios', () => {
  it('are described in plain words', () => {
    const all = readdirSync(join(ROOT, 'scenarios'), { recursive: true, encoding: 'utf8' });
    const files = all.filter((name) => name.endsWith('.yaml')).map((name) => join('scenarios', name));
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => QUAINT.test(read(file)))).toEqual([]);
  });
});

describe('the index of the docs', () => {
  it('has every page', () => {
    const index = read('docs/README.md');
    const pages = PAGES.filter((page) => page !== 'docs/README.md');
    expect(pages.filter((page) => !index.includes(`](${page.slice('docs/'.length)})`))).toEqual([]);
  });
});

describe('what is checked', () => {
  it('finds a wide table, a long line and a quaint word, and nothing in code', () => {
    const long = 'word '.repeat(30);
    expect(
      problemsIn(`| a | b | c | d |\n${long}\nIt foretold that.\n\`\`\`\n${long}\n| a | b | c | d |\n\`\`\``),
    ).toEqual(['1: 4 columns', '2: 150 characters', '3: "foretold"']);
    expect(problemsIn('| `a\\|b` | `a|b` | c |\n[link](https://example.org)')).toEqual([]);
  });

  it('finds dead links and missing files', () => {
    expect(
      deadLinksIn('docs/x.md', '[a](nowhere.md) [b](outcomes.md#nowhere) [c](outcomes.md#who-looked) [d](#x)'),
    ).toEqual(['nowhere.md', 'outcomes.md#nowhere', '#x']);
    expect(missingPathsIn('`src/nothing.ts`, `src/cli/commands.ts`, lab/NAME, `test/*.ts`.')).toEqual([
      'src/nothing.ts',
    ]);
  });
});
