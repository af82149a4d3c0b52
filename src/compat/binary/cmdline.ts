// SPDX-License-Identifier: Apache-2.0
// Reads switches off a kernel command line as the kernel does: quotes, the last one wins, kstrtobool's spellings.

/** Every value that the line gives a parameter, in order; quotes are gone. */
export function valuesOf(cmdline: string, name: string): string[] {
  const values: string[] = [];
  for (const word of cmdline.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []) {
    // What comes after -- is for init.
    if (word === '--') break;
    const bare = word.replaceAll('"', '');
    // The kernel takes - and _ in names as the same.
    if (bare.slice(0, name.length + 1).replaceAll('-', '_') === `${name.replaceAll('-', '_')}=`)
      values.push(bare.slice(name.length + 1));
  }
  return values;
}

/** The value of a boolean parameter; null where the line does not set it, or in no way that the kernel takes. */
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
