// SPDX-License-Identifier: Apache-2.0
// Splits an mbox into its mails. Everything here is a string of bytes (latin1), because a patch may have any bytes.

/** As git tells the line between two mails from a line of text: an address, and a date with time and year. */
const BETWEEN = /^From \S+ .*\d{1,2}:\d{2}:\d{2} .*\d{4}/;
const HEADER = /^[!-9;-~]+:/;

/** The mails of an mbox. A file without the line between mails is one mail, or a plain patch. */
export function splitMbox(bytes: string): string[] {
  const lines = bytes.split('\n');
  if (!isBetween(lines, 0)) return [bytes];
  const starts = lines.flatMap((_, at) => (isBetween(lines, at) ? [at] : []));
  return starts.map((start, index) => lines.slice(start + 1, starts[index + 1] ?? lines.length).join('\n'));
}

/** A text may have such a line too. Before a mail stands an empty line, and after its line a header. */
function isBetween(lines: readonly string[], at: number): boolean {
  const before = lines[at - 1];
  return (
    BETWEEN.test(lines[at] ?? '') && (before === undefined || before.trim() === '') && HEADER.test(lines[at + 1] ?? '')
  );
}
