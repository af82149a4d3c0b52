// SPDX-License-Identifier: Apache-2.0
// Splits a console line into its messages: removes printk's prefixes and separates interleaved messages.

export interface Message {
  text: string;
  /** Seconds on the kernel's clock; null without a time stamp, as for user space and firmware. */
  stamp: number | null;
}

const STAMP = /(?:<\d{1,3}>)?\[ {0,4}(\d{1,9}\.\d{6})\](?:\[ *[TC]\d+\])?(?: |$)/g;

export function messagesOf(line: string): Message[] {
  if (!line.includes('[')) return [{ text: line, stamp: null }];
  const messages: Message[] = [];
  let from = 0;
  let stamp: number | null = null;
  for (const match of line.matchAll(STAMP)) {
    if (match.index > from || stamp !== null) messages.push({ text: line.slice(from, match.index), stamp });
    stamp = Number(match[1]);
    from = match.index + match[0].length;
  }
  messages.push({ text: line.slice(from), stamp });
  return messages;
}
