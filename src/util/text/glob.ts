// SPDX-License-Identifier: Apache-2.0

/** A pattern of `*` (anything but the separator), `**` (anything) and `?` as a test of whole words. */
export function glob(pattern: string, separator: '/' | '-'): (word: string) => boolean {
  const source = pattern.replace(/\*\*|[*?]|[^*?]+/g, (part) => {
    if (part === '**') return '.*';
    if (part === '*') return `[^${separator}]*`;
    return part === '?' ? `[^${separator}]` : part.replace(/[.+^${}()|[\]\\-]/g, '\\$&');
  });
  // Bounded: a handful of stars cannot take long on a name.
  const test = new RegExp(`^${source.replace(/(?:\.\*)+/g, '.*')}$`, 's');
  return (word) => word.length <= 1000 && test.test(word);
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}
