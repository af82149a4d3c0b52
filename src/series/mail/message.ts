// SPDX-License-Identifier: Apache-2.0
// Reads one mail: its headers, and the texts of its parts. What is no text is left out and counted.
import { decodeBody, decodeHeader } from './decode.js';

export interface Message {
  /** Null if this is no mail: a plain patch. */
  subject: string | null;
  /** Texts of the parts as bytes, decoded, with plain line ends. */
  texts: string[];
  /** Types of parts that are no text. */
  others: string[];
}

/** Parts of a mail, and parts in parts. */
const MAX_PARTS = 64;
const MAX_DEPTH = 4;
/** Lines of a header. */
const MAX_HEADERS = 1000;

interface Part {
  headers: ReadonlyMap<string, string>;
  body: string;
}

export function readMessage(raw: string): Message {
  const mail = plainLineEnds(raw);
  const part = splitHeaders(mail);
  const subject = part.headers.get('subject');
  if (subject === undefined) return { subject: null, texts: [mail], others: [] };
  const message: Message = { subject: decodeHeader(subject).replace(/\s+/g, ' ').trim(), texts: [], others: [] };
  collect(part, message, { left: MAX_PARTS }, 0);
  return message;
}

function collect(part: Part, into: Message, budget: { left: number }, depth: number): void {
  if (budget.left-- <= 0) return;
  const type = part.headers.get('content-type') ?? 'text/plain';
  const kind = type.split(';')[0]?.trim().toLowerCase() ?? '';
  if (kind.startsWith('multipart/')) {
    const boundary = /\bboundary="?([^";]+)"?/i.exec(type)?.[1];
    if (boundary === undefined || depth >= MAX_DEPTH) return;
    for (const each of partsOf(part.body, boundary)) collect(splitHeaders(each), into, budget, depth + 1);
    return;
  }
  if (!isText(kind, part.headers)) {
    into.others.push(kind.slice(0, 100));
    return;
  }
  const text = decodeBody(part.body, part.headers.get('content-transfer-encoding') ?? '');
  into.texts.push(plainLineEnds(/format=flowed/i.test(type) ? unflowed(text) : text));
}

/** Patches are attached under many types; the name tells. HTML repeats what the plain text says. */
function isText(kind: string, headers: Part['headers']): boolean {
  if (kind === 'text/html') return false;
  const name = `${headers.get('content-disposition') ?? ''} ${headers.get('content-type') ?? ''}`;
  return kind === '' || kind.startsWith('text/') || /name="?[^";]+\.(patch|diff|txt)\b/i.test(name);
}

/** A mailer that sends `format=flowed` puts a space before lines that begin with one. */
function unflowed(text: string): string {
  return text.replace(/^ (?= |From |>)/gm, '');
}

function partsOf(body: string, boundary: string): string[] {
  const parts: string[][] = [];
  let current: string[] | null = null;
  for (const line of body.split('\n')) {
    const word = line.trimEnd();
    if (word === `--${boundary}--`) break;
    if (word === `--${boundary}`) parts.push((current = []));
    else current?.push(line);
  }
  return parts.slice(0, MAX_PARTS).map((lines) => lines.join('\n'));
}

/** Headers in lower case, folded lines joined. Without any, everything is the body. */
function splitHeaders(text: string): Part {
  const lines = text.split('\n', MAX_HEADERS);
  const headers = new Map<string, string>();
  let last: string | null = null;
  let at = 0;
  for (; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const header = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line);
    if (line === '') break;
    if (/^[ \t]/.test(line) && last !== null) headers.set(last, `${headers.get(last) ?? ''} ${line.trim()}`);
    else if (header !== null) {
      last = (header[1] ?? '').toLowerCase();
      if (!headers.has(last)) headers.set(last, header[2] ?? '');
    } else break;
  }
  // A part may begin with the empty line: it has no headers then.
  const skipped = lines.slice(0, at).reduce((sum, line) => sum + line.length + 1, 0);
  return { headers, body: text.slice(lines[at] === '' ? skipped + 1 : skipped) };
}

/** Of a text whose lines all end in CRLF. One of a source with such lines keeps them. */
function plainLineEnds(text: string): string {
  return /(^|[^\r])\n/.test(text) ? text : text.replaceAll('\r\n', '\n');
}
