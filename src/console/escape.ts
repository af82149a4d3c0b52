// SPDX-License-Identifier: Apache-2.0
// A machine's output is untrusted: none of its control bytes may reach a terminal.

/** Terminal control sequences: CSI, strings (OSC, DCS, APC, PM, SOS) with their terminator, and two-byte ones. */
// oxlint-disable-next-line no-control-regex
const SEQUENCES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-~])/g;

/** Control characters (C0 except the tab, DEL, C1), and the invisible characters that reorder or hide text. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
// oxlint-disable-next-line no-control-regex
const NOT_PLAIN = /[^\x09\x20-\x7e]/;

/** One line without control sequences and control characters. */
export function plainText(line: string): string {
  return NOT_PLAIN.test(line) ? line.replace(SEQUENCES, '').replace(UNSAFE, '') : line;
}

function visible(char: string): string {
  const code = char.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Makes any text safe for a terminal: control characters become visible, line ends and tabs stay. */
export function terminalSafe(text: string): string {
  return text.replace(UNSAFE, (char) => (char === '\n' ? char : visible(char)));
}
