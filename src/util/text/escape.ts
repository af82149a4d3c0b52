// SPDX-License-Identifier: Apache-2.0
// Output of the machine under test may contain anything. This makes it safe for a terminal or a log line.

/**
 * Control, format (text direction, zero width, tags) and private characters, line separators, and halves of surrogate
 * pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Makes control and format characters visible (`\x1b`), including line breaks and tabs. Longer text is cut and marked.
 */
export function printable(text: string, limit = 4096): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return shown.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
  });
}
