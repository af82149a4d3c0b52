// SPDX-License-Identifier: Apache-2.0
// A patch series: from mails and files in any order to patches in the order in which they apply.
import { UsageError } from '../util/errors.js';
import { printable } from '../util/text/escape.js';
import { readMessage } from './mail/message.js';
import { splitMbox } from './mail/mbox.js';
import { diffText, type FileDiff, readDiff } from './patch/diff.js';
import { readSubject, type Subject } from './patch/subject.js';

export interface Patch {
  /** From 1, in the order in which the patches apply. */
  number: number;
  title: string;
  files: FileDiff[];
  /** What patch(1) gets, as bytes (latin1). */
  text: string;
}

export interface Series {
  /** Of the cover letter, or of the first patch. */
  title: string;
  version: number;
  patches: Patch[];
  /** What was left out, and why. */
  notes: string[];
}

/** One file as it was read. */
export interface Input {
  /** For messages. */
  name: string;
  /** Latin1. */
  bytes: string;
}

export const MAX_PATCHES = 256;
/** Mails of a thread: patches and answers. */
const MAX_MAILS = 4096;

interface Found {
  subject: Subject;
  files: FileDiff[];
  text: string;
}

/** Throws a UsageError if there is no whole series. */
export function seriesOf(inputs: readonly Input[]): Series {
  const notes: string[] = [];
  const mails = inputs.flatMap(({ name, bytes }) => splitMbox(bytes).map((raw) => ({ name, raw })));
  if (mails.length > MAX_MAILS) throw new UsageError(`${mails.length} mails; at most ${MAX_MAILS} are read`);
  const found = mails.flatMap(({ name, raw }) => readMail(name, raw, notes) ?? []);
  const version = Math.max(1, ...found.map(({ subject }) => subject.version));
  const newest = found.filter(({ subject }) => subject.version === version);
  if (newest.length < found.length) notes.push(`only version ${version} is taken of those in there`);
  const cover = newest.find(
    ({ subject, files }) => subject.number === 0 || (files.length === 0 && isNumbered(subject)),
  );
  const patches = inOrder(newest.filter(({ files }) => files.length > 0));
  if (patches.length === 0) throw new UsageError(`no patch in ${inputs.map(({ name }) => name).join(', ') || 'it'}`);
  if (patches.length > MAX_PATCHES) throw new UsageError(`${patches.length} patches; at most ${MAX_PATCHES} are taken`);
  return {
    title: cover?.subject.title ?? patches[0]?.subject.title ?? '',
    version,
    patches: patches.map(({ subject, files, text }, index) => ({
      number: index + 1,
      title: subject.title,
      files,
      text,
    })),
    notes,
  };
}

function readMail(name: string, raw: string, notes: string[]): Found | null {
  const { subject: line, texts, others } = readMessage(raw);
  const subject = readSubject(line ?? titleOfFile(name));
  const what = line === null ? name : printable(line, 120);
  // An answer may quote a diff, or propose another one: neither belongs to the series.
  if (subject.isReply) return null;
  const files = texts.flatMap((text) => readDiff(text, what));
  if (files.length > 0) return { subject, files, text: diffText(files) };
  if (subject.number === 0) return { subject, files, text: '' };
  if (others.length > 0)
    notes.push(`${what}: no patch in its text; its other parts (${others.join(', ')}) are not read`);
  else notes.push(`${what}: no patch in it`);
  return null;
}

/** `0002-mm-memfd-raise-the-version.patch` */
function titleOfFile(name: string): string {
  return name
    .replace(/^.*\//, '')
    .replace(/\.(patch|diff|mbox|mbx|eml|txt)$/, '')
    .replace(/^\d{4}-/, '');
}

const isNumbered = ({ number }: Subject): boolean => number !== null;

/** By their numbers if all have one, else as they came. */
function inOrder(found: readonly Found[]): Found[] {
  const numbers = found.map(({ subject }) => subject.number);
  if (numbers.some((number) => number === null)) {
    if (numbers.every((number) => number === null)) return [...found];
    throw new UsageError('some patches have a number in their subject and some have none', {
      hint: 'give a folder or an mbox with one series alone',
    });
  }
  const byNumber = new Map<number, Found>();
  for (const each of found) {
    const number = each.subject.number as number;
    const known = byNumber.get(number);
    if (known !== undefined && known.text !== each.text)
      throw new UsageError(`two different patches have the number ${number}`, {
        hint: 'give a folder or an mbox with one series alone',
      });
    byNumber.set(number, known ?? each);
  }
  const of = Math.max(...found.map(({ subject }) => subject.of ?? 0));
  const missing = Array.from({ length: Math.min(of, MAX_PATCHES) }, (_, index) => index + 1).filter(
    (number) => !byNumber.has(number),
  );
  if (missing.length > 0)
    throw new UsageError(`patch ${missing.slice(0, 10).join(', ')} of ${of} is missing`, {
      hint: 'give the whole series: what a later patch needs may be in there',
    });
  return [...byNumber].sort(([a], [b]) => a - b).map(([, each]) => each);
}
