// SPDX-License-Identifier: Apache-2.0
// One console line to the messages in it: printk's prefixes taken off, and interleaved messages taken apart.

export interface Message {
  text: string;
  /** Seconds on the kernel's clock; null where the line has no time stamp, as user space and firmware have none. */
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
