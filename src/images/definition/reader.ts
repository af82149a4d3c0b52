// SPDX-License-Identifier: Apache-2.0
// Reads and checks the values of a definition's YAML. Errors have line and column.
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { UsageError } from '../../util/errors.js';
import { nearest } from '../../util/text/nearest.js';

export class DefinitionReader {
  private readonly lines = new LineCounter();
  private readonly top: Map<string, Node | null>;

  constructor(
    readonly file: string,
    text: string,
    keys: readonly string[],
  ) {
    // The check for keys that come twice takes quadratic time there; map() makes it.
    const document = parseDocument(text, { lineCounter: this.lines, uniqueKeys: false });
    const [problem] = document.errors;
    if (problem) {
      const { line, col } = this.lines.linePos(problem.pos[0]);
      throw new UsageError(`${file}:${line}:${col}: ${problem.message.split('\n')[0] ?? ''}`);
    }
    this.top = this.map(document.contents as Node | null, keys);
  }

  error(node: Node | null | undefined, what: string): UsageError {
    const { line, col } = this.lines.linePos(node?.range?.[0] ?? 0);
    return new UsageError(`${this.file}:${line}:${col}: ${what}`);
  }

  has(key: string): boolean {
    return this.top.has(key);
  }

  node(key: string): Node | null {
    return this.top.get(key) ?? null;
  }

  resolve(path: string): string {
    return isAbsolute(path) ? path : resolve(dirname(this.file), path);
  }

  map(node: Node | null, keys: readonly string[]): Map<string, Node | null> {
    if (!isMap(node)) throw this.error(node, 'expected keys and values');
    const map = new Map<string, Node | null>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      if (!keys.includes(key)) {
        const close = nearest(key, keys);
        throw this.error(
          pair.key as Node,
          `unknown key ${JSON.stringify(key)}${close ? `; did you mean ${close}?` : ''} Known: ${keys.join(', ')}`,
        );
      }
      if (map.has(key)) throw this.error(pair.key as Node, `${key} is there twice`);
      map.set(key, pair.value as Node | null);
    }
    return map;
  }

  string(node: Node | null | undefined, key: string): string {
    // Take the text as written: a version such as 7.10 is not a number.
    if (isScalar(node)) {
      if (typeof node.value === 'string' && node.value !== '') return node.value;
      if (typeof node.value === 'number' && node.source) return node.source;
    }
    throw this.error(node, `${key}: expected a string`);
  }

  text(key: string): string | null {
    return this.top.has(key) ? this.string(this.top.get(key), key) : null;
  }

  count(key: string): number | null {
    if (!this.top.has(key)) return null;
    const node = this.top.get(key);
    if (isScalar(node) && Number.isInteger(node.value) && (node.value as number) > 0) return node.value as number;
    throw this.error(node, `${key}: expected a whole number above 0`);
  }

  paths(key: string, toFile: (name: string, file: string) => string = (name) => this.resolve(name)): string[] {
    if (!this.top.has(key)) return [];
    const node = this.top.get(key);
    if (!isSeq(node)) throw this.error(node, `${key}: expected a list`);
    return node.items.map((item) => {
      const path = toFile(this.string(item as Node, key), this.file);
      if (!existsSync(path)) throw this.error(item as Node, `${key}: no file ${path}`);
      return path;
    });
  }
}
