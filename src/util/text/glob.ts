// SPDX-License-Identifier: Apache-2.0

/**
 * Compiles a pattern into a test for whole words: `*` (anything but the separator), `**` (anything) and `?`.
 * @param separator `none`: a star is anything
 */
export function glob(pattern: string, separator: '/' | '-' | 'none'): (word: string) => boolean {
  const other = separator === 'none' ? '.' : `[^${separator}]`;
  const source = pattern.replace(/\*\*|[*?]|[^*?]+/g, (part) => {
    if (part === '**') return '.*';
    if (part === '*') return `${other}*`;
    return part === '?' ? other : part.replace(/[.+^${}()|[\]\\-]/g, '\\$&');
  });
  // The length is limited, so that a few stars cannot take long.
  const test = new RegExp(`^${source.replace(/(?:\.\*)+/g, '.*')}$`, 's');
  return (word) => word.length <= 1000 && test.test(word);
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}
