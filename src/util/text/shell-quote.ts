// SPDX-License-Identifier: Apache-2.0

/** One word for a POSIX shell, which reads it back as it was. A word without special characters stays as it is. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
