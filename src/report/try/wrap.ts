// SPDX-License-Identifier: Apache-2.0
// Text for a mail: no line is longer than a mail's lines are, and nothing in it can fool a terminal.
import { printable } from '../../util/text/escape.js';

export const WIDTH = 72;

/** Breaks a text at spaces. A word that is too long for a line is broken anywhere. */
export function wrap(text: string, first = '', rest = first, width = WIDTH): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of printable(text).split(' ')) {
    for (const piece of pieces(word, width - Math.max(first.length, rest.length))) {
      if (!empty && line.length + 1 + piece.length > width) {
        lines.push(line);
        line = rest;
        empty = true;
      }
      line += empty ? piece : ` ${piece}`;
      empty = false;
    }
  }
  return [...lines, line];
}

function pieces(word: string, width: number): string[] {
  const parts: string[] = [];
  for (let at = 0; at < word.length; at += width) parts.push(word.slice(at, at + width));
  return parts.length === 0 ? [''] : parts;
}

/** One line, cut at its end. Tabs are as wide as in a terminal. */
export function cut(text: string, indent: string, width = WIDTH): string {
  const line = indent + printable(withoutTabs(text));
  return line.length <= width ? line : `${line.slice(0, width - 3)}...`;
}

const TAB = 8;

function withoutTabs(text: string): string {
  return text.split('\t').reduce((line, part) => line.padEnd((Math.floor(line.length / TAB) + 1) * TAB) + part);
}
