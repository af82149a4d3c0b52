// SPDX-License-Identifier: Apache-2.0
// Reads switches from a kernel command line like the kernel: quotes, the last one wins, kstrtobool's spellings.

/** All values of a parameter, in order, without quotes. */
export function valuesOf(cmdline: string, name: string): string[] {
  const values: string[] = [];
  for (const word of cmdline.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []) {
    // Everything after -- is for init.
    if (word === '--') break;
    const bare = word.replaceAll('"', '');
    // The kernel treats - and _ in names as the same.
    if (bare.slice(0, name.length + 1).replaceAll('-', '_') === `${name.replaceAll('-', '_')}=`)
      values.push(bare.slice(name.length + 1));
  }
  return values;
}

/** The value of a boolean parameter; null if it is not set, or not to a value that the kernel accepts. */
export function switchOf(cmdline: string, name: string): boolean | null {
  return (
    valuesOf(cmdline, name)
      .map(boolean)
      .findLast((value) => value !== null) ?? null
  );
}

function boolean(text: string): boolean | null {
  const lower = text.toLowerCase();
  if (/^[yt1]/.test(lower) || lower.startsWith('on')) return true;
  if (/^[nf0]/.test(lower) || lower.startsWith('of')) return false;
  return null;
}
