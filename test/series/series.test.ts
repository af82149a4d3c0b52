// SPDX-License-Identifier: Apache-2.0
// Mails and files become a series: order, cover letter, encodings, other versions, answers.
import { describe, expect, it } from 'vitest';
import { type Series, seriesOf } from '../../src/series/series.js';
import { diff, FROM, mail, patchMail } from './mails.js';

const read = (...files: string[]): Series =>
  seriesOf(files.map((bytes, index) => ({ name: `file${index}.patch`, bytes })));
const titles = ({ patches }: Series) => patches.map(({ title }) => title);

describe('an mbox', () => {
  it('gives its patches by their numbers, and the title of its cover letter', () => {
    const cover = mail({ subject: '[PATCH v3 0/3] mm: a series', body: 'Three patches.\n a.c | 2 +-\n' });
    const v3 = (text: string) => text.replaceAll('[PATCH ', '[PATCH v3 ');
    const series = read(
      [v3(patchMail(3, 3, 'c.c')), cover, v3(patchMail(1, 3, 'a.c')), v3(patchMail(2, 3, 'b.c'))].join('\n'),
    );
    expect(series).toMatchObject({ title: 'mm: a series', version: 3, notes: [] });
    expect(titles(series)).toEqual(['change 1', 'change 2', 'change 3']);
    expect(series.patches.map(({ files }) => files.map(({ path }) => path))).toEqual([['a.c'], ['b.c'], ['c.c']]);
  });

  it('is split at mails alone, not at lines of text that begin with From', () => {
    const text =
      `${FROM}\nis how a mail begins.\n\nFrom here on, it differs.\n\n` +
      'From x Mon Sep 17 00:00:00 2001\nnot a header\n---\n';
    const series = read(
      mail({ subject: '[PATCH 1/2] one', body: `${text}${diff('a.c')}` }) + `\n${patchMail(2, 2, 'b.c')}`,
    );
    expect(titles(series)).toEqual(['one', 'change 2']);
  });

  it('with line ends of CRLF is the same', () => {
    const text = [patchMail(1, 2, 'a.c'), patchMail(2, 2, 'b.c')].join('\n');
    expect(read(text.replaceAll('\n', '\r\n')).patches).toEqual(read(text).patches);
  });

  it('leaves out answers, older versions and mails without a patch, and says so', () => {
    const series = read(
      [
        patchMail(1, 1, 'old.c'),
        mail({ subject: '[PATCH v2 1/1] new', body: diff('new.c') }),
        mail({ subject: 'Re: [PATCH v2 1/1] new', body: `> x\n\nBetter so:\n\n${diff('other.c')}` }),
        mail({ subject: '[PATCH v2] hello', body: 'no patch' }),
      ].join('\n'),
    );
    expect(series.patches.map(({ files }) => files[0]?.path)).toEqual(['new.c']);
    expect(series.notes).toEqual(['[PATCH v2] hello: no patch in it', 'only version 2 is taken of those in there']);
  });

  it('with a missing patch, or two of one number, is refused', () => {
    expect(() => read(`${patchMail(1, 3, 'a.c')}\n${patchMail(3, 3, 'c.c')}`)).toThrow('patch 2 of 3 is missing');
    expect(() => read(`${patchMail(1, 1, 'a.c')}\n${patchMail(1, 1, 'b.c')}`)).toThrow(
      'two different patches have the number 1',
    );
    // The same mail twice is one patch.
    expect(titles(read(`${patchMail(1, 1, 'a.c')}\n${patchMail(1, 1, 'a.c')}`))).toEqual(['change 1']);
  });

  it('without a patch is refused', () => {
    expect(() => read(mail({ subject: 'hello', body: 'nothing' }))).toThrow('no patch in file0.patch');
  });
});

describe('a mail', () => {
  const encoded = (encoding: string, body: string, more = '') =>
    read(
      mail({
        subject: '=?UTF-8?q?=5BPATCH=5D_f=C3=BCr_memfd?= =?UTF-8?B?cw==?=',
        headers: [`Content-Type: text/plain; charset=utf-8${more}`, `Content-Transfer-Encoding: ${encoding}`],
        body,
      }),
    );
  const plain = diff('mm/memfd.c', 'a = b;', 'a == "\u00fc\u20ac";\t ');
  const bytes = Buffer.from(plain, 'utf8');
  const wanted = bytes.toString('latin1');

  it('in quoted-printable or base64 has the same patch, to the byte', () => {
    const quoted = [...bytes]
      .map((byte) =>
        byte === 10
          ? '\n'
          : byte === 61 || byte > 126 || byte < 32
            ? `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
            : String.fromCharCode(byte),
      )
      .join('')
      .replaceAll(' \n', '=20\n')
      .replace('--- a/mm', '--- a/=\nmm');
    for (const series of [
      encoded('quoted-printable', quoted),
      encoded('base64', bytes.toString('base64').replace(/.{60}/g, '$&\n')),
      encoded('8bit', wanted),
    ]) {
      expect(series.patches[0]?.text).toBe(wanted);
      expect(titles(series)).toEqual(['f\u00fcr memfds']);
    }
  });

  it('of several parts gives the patch that is attached, and not the picture', () => {
    const part = (type: string, body: string, ...headers: string[]) =>
      ['--=_x', `Content-Type: ${type}`, ...headers, '', body].join('\n');
    const series = read(
      mail({
        subject: '[PATCH] attached',
        headers: ['MIME-Version: 1.0', 'Content-Type: multipart/mixed;', '\tboundary="=_x"'],
        body: [
          'For old mailers.',
          part(
            'multipart/alternative; boundary=y',
            ['--y', '', 'Hello', '--y', 'Content-Type: text/html', '', '<p>Hello', '--y--'].join('\n'),
          ),
          part(
            'application/octet-stream; name="0001.patch"',
            bytes.toString('base64'),
            'Content-Transfer-Encoding: base64',
          ),
          part('image/png', 'iVBORw0KGgo=', 'Content-Transfer-Encoding: base64'),
          '--=_x--',
        ].join('\n'),
      }),
    );
    expect(series.patches.map(({ text }) => text)).toEqual([wanted]);
  });

  it('with a part that is no text is no patch, and says why', () => {
    const picture = mail({
      subject: '[PATCH 1/1] picture',
      headers: ['Content-Type: image/png', 'Content-Transfer-Encoding: base64'],
      body: 'iVBORw0KGgo=',
    });
    const series = read(`${picture}\n${mail({ subject: '[PATCH] x', body: diff('a.c') })}`);
    expect(series.notes).toEqual([
      '[PATCH 1/1] picture: no patch in its text; its other parts (image/png) are not read',
    ]);
  });

  it('with format=flowed loses the spaces that the mailer put in', () => {
    expect(encoded('8bit', diff('a.c').replace(/^ /gm, '  '), '; format=flowed').patches[0]?.text).toBe(diff('a.c'));
  });
});

describe('plain patches', () => {
  it('come in the order of their names, with a title from them', () => {
    const series = seriesOf([
      { name: 'd/0001-first-change.patch', bytes: `Some words.\n\n${diff('a.c').split('\n').slice(2).join('\n')}` },
      { name: 'd/0002-second.patch', bytes: diff('b.c') },
    ]);
    expect(titles(series)).toEqual(['first-change', 'second']);
  });

  it('with numbers on some of them only are refused', () => {
    expect(() => read(patchMail(1, 1, 'a.c'), diff('b.c'))).toThrow('some patches have a number');
  });
});
