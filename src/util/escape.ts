// SPDX-License-Identifier: Apache-2.0
// What the machine under test says may hold anything; this is what may reach a terminal or a log line of ours.

/** Control and format characters become visible (`\x1b`), line breaks and tabs too. Bounded: longer text is cut with a mark. */
export function printable(text: string, limit = 4096): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}...` : text;
  let out = '';
  for (const char of shown) {
    const code = char.codePointAt(0) ?? 0;
    const unsafe =
      code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029 ||
      (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code === 0xfeff;
    out += unsafe ? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`) : char;
  }
  return out;
}
