// SPDX-License-Identifier: Apache-2.0
// A series is a stranger's: what it says leads nowhere outside the tree, and none makes the lab slow or large.
import { describe, expect, it } from 'vitest';
import { readDiff, diffText } from '../../src/series/patch/diff.js';
import { seriesOf } from '../../src/series/series.js';
import { diff, mail, patchMail } from './mails.js';

const read = (text: string) => readDiff(text, 'x.patch');

describe('a patch', () => {
  it.each([
    '../../etc/passwd',
    '/etc/passwd',
    'a/../../b.c',
    './a.c',
    '.git/hooks/post-checkout',
    'sub/.git/config',
    'a//b.c',
    'x\x1b[2J.c',
    'a b.c',
  ])('may not change %j', (path) => {
    expect(() => read(diff(path))).toThrow(/is no path that a patch may change|names with spaces or quotes/);
  });

  it('may not change a file of a very long path', () => {
    expect(() => read(diff(`${'d/'.repeat(600)}a.c`))).toThrow('is no path that a patch may change');
  });

  it.each([
    ['--- /dev/null', '+++ b/../../x.c'],
    ['--- a/x.c', '+++ /etc/x.c'],
  ])('may not lead out by the name in %s alone', (before, after) => {
    const text = `diff --git a/x.c b/x.c\n${before}\n${after}\n@@ -0,0 +1 @@\n+x\n`;
    expect(() => read(text)).toThrow(/is no path that a patch may change|lacks the a\/ or b\//);
  });

  it('may not rename to another place outside', () => {
    expect(() => read('diff --git a/x.c b/y.c\nrename from x.c\nrename to ../y.c\n')).toThrow('is no path');
  });

  it('may not make links, submodules, or binary files', () => {
    const made = (mode: string) =>
      `diff --git a/x b/x\nnew file mode ${mode}\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc\n`;
    expect(() => read(made('120000'))).toThrow('symbolic link');
    expect(() => read(made('160000'))).toThrow('symbolic link or a submodule');
    expect(() => read('diff --git a/x b/x\nold mode 100644\nnew mode 120000\n')).toThrow('symbolic link');
    expect(() => read('diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\n')).toThrow('x is binary');
    expect(() => read('diff --git a/x b/x\nBinary files a/x and b/x differ\n')).toThrow('x is binary');
  });

  it('reaches patch(1) as a unified diff alone: no script for ed, no other form', () => {
    const ed = '1,2d\nw !touch /tmp/owned\n.\n';
    const text = `${ed}Index: x\nPrereq: 1\n${diff('a.c')}${ed}*** a\n--- b\n***************\n`;
    const written = diffText(read(text));
    expect(written).toBe(diff('a.c'));
    expect(written).not.toContain('touch');
  });

  it('with another first folder, or none, names -p1', () => {
    expect(() => read('--- x.c\n+++ x.c\n@@ -1 +1 @@\n-a\n+b\n')).toThrow('lacks the a/ or b/ in front');
  });
});

describe('a damaged hunk', () => {
  it.each([
    ['that ends too early', diff('a.c').split('\n').slice(0, 7).join('\n'), 'the patch ends there'],
    ['that a mailer wrapped', diff('a.c').replace(' last', ' la\nst').replace('-1,3 +1,3', '-1,4 +1,4'), ': st'],
    ['whose head counts wrong', diff('a.c').replace('-1,3 +1,3', '-1,2 +1,9'), 'hunk 1 of a.c is damaged'],
    ['whose head is none', diff('a.c').replace('-1,3 +1,3', '-1,3'), 'not the head of a hunk'],
  ])('%s is named', (_, text, why) => {
    expect(() => read(text)).toThrow(why);
  });

  it('of which only the space of an empty line is missing is mended', () => {
    const text = '--- a/a.c\n+++ b/a.c\n@@ -1,3 +1,3 @@\n first\n\n-x\n+y\n';
    expect(diffText(read(text))).toBe(text.replace('\n\n', '\n \n'));
  });
});

describe('a flood', () => {
  it('of mails, patches or files is refused', () => {
    const many = Array.from({ length: 300 }, (_, index) => patchMail(index + 1, 300, 'a.c')).join('\n');
    expect(() => seriesOf([{ name: 'm', bytes: many }])).toThrow('at most 256 are taken');
    const answers = mail({ subject: 'Re: x', body: 'x' }).concat('\n').repeat(4100);
    expect(() => seriesOf([{ name: 'm', bytes: answers }])).toThrow('at most 4096 are read');
    expect(() => read(diff('a.c').repeat(5001))).toThrow('changes more than 5000 files');
  });

  it('of text takes a time that grows with its size alone', () => {
    const began = performance.now();
    const texts = [
      `${'From '.repeat(200_000)}\n`,
      `Subject: ${'[ '.repeat(200_000)}\n\nx`,
      `Subject: ${'=?utf-8?q?'.repeat(50_000)}\n\nx`,
      `Subject: x\nContent-Type: multipart/mixed; boundary=a\n\n${'--a\n'.repeat(200_000)}`,
      `Subject: x\n${' y\n'.repeat(200_000)}`,
      `@@ -1,999999999 +1,999999999 @@\n`.repeat(20_000),
      `--- a/x\n+++ b/x\n@@ -1,999999999 +1,999999999 @@\n${' \n'.repeat(300_000)}`,
    ];
    for (const bytes of texts) expect(() => seriesOf([{ name: 'm', bytes }])).toThrow();
    // Two seconds on a busy host; a search that goes back takes minutes.
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it('of parts in parts ends', () => {
    let body = diff('a.c');
    for (let depth = 0; depth < 50; depth++)
      body = `Content-Type: multipart/mixed; boundary=b${depth}\n\n--b${depth}\n${body}\n--b${depth}--`;
    expect(() => seriesOf([{ name: 'm', bytes: `Subject: x\n${body}` }])).toThrow('no patch in m');
  });
});
