// SPDX-License-Identifier: Apache-2.0
// Reads a unified diff, hunk by hunk, and writes it again with nothing else in it: patch(1) also takes scripts for ed,
// and guesses where a diff begins. Bytes are latin1 strings.
import { UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { checkPath } from './path.js';

export interface Hunk {
  /** As in the patch: `@@ -65,7 +65,7 @@`. */
  head: string;
  lines: string[];
}

export interface FileDiff {
  /** In the tree: of the new file, or the one that is removed. */
  path: string;
  /** Where it was before; null for a new file. */
  old: string | null;
  isRemoved: boolean;
  hunks: Hunk[];
  /** The lines that go to patch(1). */
  lines: string[];
}

/** Files of one patch. */
const MAX_FILES = 5000;

/** @param what names the patch in messages */
export function readDiff(text: string, what: string): FileDiff[] {
  const lines = text.split('\n');
  const files: FileDiff[] = [];
  for (let at = 0; at < lines.length;) {
    const next = startsFile(lines, at) ? oneFile(lines, at, what) : null;
    if (next === null) at++;
    else {
      files.push(next.file);
      at = next.end;
      if (files.length > MAX_FILES) throw new UsageError(`${what} changes more than ${MAX_FILES} files`);
    }
  }
  return files;
}

/** What patch(1) gets. */
export function diffText(files: readonly FileDiff[]): string {
  return files.map(({ lines }) => `${lines.join('\n')}\n`).join('');
}

function startsFile(lines: readonly string[], at: number): boolean {
  return /^diff --git \S/.test(lines[at] ?? '') || startsNames(lines, at);
}

function startsNames(lines: readonly string[], at: number): boolean {
  return (
    /^--- \S/.test(lines[at] ?? '') &&
    /^\+\+\+ \S/.test(lines[at + 1] ?? '') &&
    (lines[at + 2] ?? '').startsWith('@@ -')
  );
}

const EXTENDED =
  /^(index|(?:old|new|new file|deleted file) mode|(?:dis)?similarity index|(?:rename|copy) (?:from|to)) (.*)$/;
/** Links, and modules of git. */
const OTHER_KINDS = /^(120000|160000)/;

function oneFile(lines: readonly string[], start: number, what: string): { file: FileDiff; end: number } {
  const fail = (why: string) => new UsageError(`${what}: ${why}`);
  const kept: string[] = [];
  const words = new Map<string, string>();
  let at = start;
  const git = /^diff --git ([^\s"]+) ([^\s"]+)$/.exec(lines[at] ?? '');
  if ((lines[at] ?? '').startsWith('diff --git ')) {
    if (git === null) throw fail(`${printable(lines[at] ?? '', 120)}: names with spaces or quotes are not supported`);
    kept.push(lines[at++] ?? '');
    for (let found = EXTENDED.exec(lines[at] ?? ''); found !== null; found = EXTENDED.exec(lines[++at] ?? '')) {
      words.set(found[1] ?? '', found[2] ?? '');
      kept.push(lines[at] ?? '');
    }
    if (/^(GIT binary patch|Binary files )/.test(lines[at] ?? ''))
      throw fail(`${printable(git[2] ?? '', 200)} is binary, and patch(1) takes text only`);
  }
  for (const mode of [words.get('new mode'), words.get('new file mode'), words.get('index')?.split(' ')[1]])
    if (mode !== undefined && OTHER_KINDS.test(mode)) throw fail('it makes a symbolic link or a submodule');
  let [before, after] = [nameIn(git?.[1], what), nameIn(git?.[2], what)];
  for (const key of ['rename from', 'rename to', 'copy from', 'copy to'])
    if (words.has(key)) checkPath(words.get(key) ?? '', what);
  const hunks: Hunk[] = [];
  if (startsNames(lines, at)) {
    before = nameIn(nameOf(lines[at] ?? ''), what);
    after = nameIn(nameOf(lines[at + 1] ?? ''), what);
    kept.push(lines[at] ?? '', lines[at + 1] ?? '');
    at += 2;
    while ((lines[at] ?? '').startsWith('@@ -')) {
      const hunk = oneHunk(lines, at, `hunk ${hunks.length + 1} of ${after ?? before ?? 'a file'}`, fail);
      hunks.push(hunk);
      kept.push(hunk.head, ...hunk.lines);
      at += 1 + hunk.lines.length;
    }
  }
  if (words.has('new file mode')) before = null;
  const path = after ?? before;
  if (path === null) throw fail('a diff from no file to no file');
  const isRemoved = after === null || words.has('deleted file mode');
  return { file: { path, old: before, isRemoved, hunks, lines: kept }, end: at };
}

function oneHunk(lines: readonly string[], at: number, name: string, fail: (why: string) => Error): Hunk {
  const head = lines[at] ?? '';
  const found = /^@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@/.exec(head);
  if (found === null) throw fail(`${name}: not the head of a hunk: ${printable(head, 80)}`);
  let [old, fresh] = [Number(found[1] ?? 1), Number(found[2] ?? 1)];
  const body: string[] = [];
  while (old > 0 || fresh > 0) {
    const line = lines[at + 1 + body.length];
    // Some mailers cut the space of an empty line.
    const mark = line === '' && at + 2 + body.length < lines.length ? ' ' : (line?.[0] ?? 'end');
    if (mark === ' ' || mark === '-') old--;
    if (mark === ' ' || mark === '+') fresh--;
    if (!' -+\\'.includes(mark) || old < 0 || fresh < 0)
      throw fail(
        `${name} is damaged after ${body.length} of its lines` +
          (mark === 'end' ? ': the patch ends there' : `: ${printable(line ?? '', 80)}`),
      );
    body.push(line === '' ? ' ' : (line ?? ''));
  }
  if ((lines[at + 1 + body.length] ?? '').startsWith('\\')) body.push(lines[at + 1 + body.length] ?? '');
  return { head, lines: body };
}

/** The name in `--- a/mm/memfd.c	2026-01-01`. */
function nameOf(line: string): string {
  return line.slice(4).split('\t')[0]?.trimEnd() ?? '';
}

/** Without its first folder, as with `patch -p1`; null for no file. */
function nameIn(name: string | undefined, what: string): string | null {
  if (name === undefined || name === '/dev/null') return null;
  const slash = name.indexOf('/');
  const path = name.slice(slash + 1);
  if (slash <= 0) throw new UsageError(`${what}: ${printable(name, 200)} lacks the a/ or b/ in front (patch -p1)`);
  checkPath(path, what);
  return path;
}
