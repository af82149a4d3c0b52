// SPDX-License-Identifier: Apache-2.0
// What the machine under test says may hold anything; this is what may reach a terminal or a log line of ours.

/**
 * Control, format (text direction, zero width, tags) and private characters, separators of lines, and halves of
 * surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Control and format characters become visible (`\x1b`), line breaks and tabs too. Bounded: longer text is cut with a
 * mark.
 */
export function printable(text: string, limit = 4096): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return shown.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
  });
}
