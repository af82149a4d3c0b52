// SPDX-License-Identifier: Apache-2.0
// Reads the values of one entry of a definition that names something outside, such as a file of a package.
import type { Node } from 'yaml';
import type { DefinitionReader } from './reader.js';

/** A word that may be passed to apt: neither an option nor a path. */
const APT_WORD = /^[A-Za-z0-9][A-Za-z0-9.+~:-]*$/;

/** A digest in lower case; null if the text is none. */
function sha256Of(text: string): string | null {
  const digest = text.toLowerCase();
  return /^[0-9a-f]{64}$/.test(digest) ? digest : null;
}

export class PackageFields {
  /** @param what names the entry in messages */
  constructor(
    private readonly reader: DefinitionReader,
    private readonly node: Node | null,
    private readonly map: ReadonlyMap<string, Node | null>,
    private readonly what: string,
  ) {}

  has(key: string): boolean {
    return this.map.has(key);
  }

  error(key: string, why: string): Error {
    return this.reader.error(this.map.get(key), `${key}: ${why}`);
  }

  need(key: string): string {
    if (!this.map.has(key)) throw this.reader.error(this.node, `${this.what}: ${key} is missing`);
    return this.reader.string(this.map.get(key), key);
  }

  /** Suite, name and version of a package. */
  package(): { suite: string; package: string; version: string } {
    return { suite: this.word('suite'), package: this.word('package'), version: this.word('version') };
  }

  /** The path of a file in a package, without a slash in front. */
  member(): string {
    const member = this.need('member').replace(/^\.?\/+/, '');
    if (member.startsWith('-')) throw this.error('member', 'expected a path');
    return member;
  }

  sha256(): string {
    const value = sha256Of(this.need('sha256'));
    if (value === null) throw this.error('sha256', 'expected 64 hexadecimal digits');
    return value;
  }

  private word(key: string): string {
    const value = this.need(key);
    if (!APT_WORD.test(value)) throw this.error(key, `${JSON.stringify(value)} is not a name that apt accepts`);
    return value;
  }
}
