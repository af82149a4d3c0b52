// SPDX-License-Identifier: Apache-2.0
// Default seeds: the same name always gives the same content.

/** FNV-1a over the UTF-8 bytes, 32 bits. */
export function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
