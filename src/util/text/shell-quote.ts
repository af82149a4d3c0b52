// SPDX-License-Identifier: Apache-2.0

/** Quotes one word for a POSIX shell. A word without special characters stays as it is. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
