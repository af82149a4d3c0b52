// SPDX-License-Identifier: Apache-2.0
// What a subject says: [PATCH net-next v3 2/7] title.

export interface Subject {
  title: string;
  /** An answer to a mail of the series. */
  isReply: boolean;
  version: number;
  /** 0 is the cover letter; null without a number. */
  number: number | null;
  of: number | null;
}

export function readSubject(text: string): Subject {
  const isReply = /^(re|aw|fwd?)\s*:/i.test(text);
  const bare = text.replace(/^((re|aw|fwd?)\s*:\s*)+/i, '');
  // More than one bracket is usual: [PATCH 1/2] [RFC] x.
  const tags = /^(\s*\[[^\]]{0,200}\])+/.exec(bare)?.[0] ?? '';
  const place = /(?:^|[\s[])(\d{1,4})\/(\d{1,4})(?=[\s\]])/.exec(tags);
  const version = /\bv(\d{1,3})\b/i.exec(tags);
  return {
    title: bare.slice(tags.length).trim() || bare.trim() || 'without a title',
    isReply,
    version: version === null ? 1 : Number(version[1]),
    number: place === null ? null : Number(place[1]),
    of: place === null ? null : Number(place[2]),
  };
}
