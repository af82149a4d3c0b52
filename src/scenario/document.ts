// SPDX-License-Identifier: Apache-2.0
// The YAML text of a scenario as plain data, and where each part of it stands.
import { basename } from 'node:path';
import {
  type Document, LineCounter, type Node, type Pair, isAlias, isMap, isNode, isScalar, isSeq, parseDocument, visit,
} from 'yaml';
import type { SourcePos } from '../model/scenario.js';
import { messageOf } from '../util/errors.js';
import type { ScenarioProblem } from './problem.js';

export type Path = readonly PropertyKey[];

const MAX_ALIASES = 100;
const MAX_ERRORS = 20;

/** A parsed document: its data, and the place of every path in it. */
export class SourceDocument {
  readonly data: unknown;
  readonly errors: ScenarioProblem[];
  readonly file: string;
  readonly #doc: Document.Parsed | null;
  readonly #counter = new LineCounter();
  /** By the path itself: the copies of one entry share theirs. */
  readonly #places = new WeakMap<Path, SourcePos>();

  constructor(text: string, file: string) {
    this.file = file;
    let doc: Document.Parsed | null = null;
    this.errors = [];
    this.data = undefined;
    try {
      doc = parseDocument(text, { lineCounter: this.#counter, prettyErrors: false, strict: true, uniqueKeys: true });
      this.errors = doc.errors.slice(0, MAX_ERRORS).map((error) => this.#problem(error.pos[0], yamlMessage(error.code, error.message)));
      if (this.errors.length === 0) this.data = doc.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      this.errors = [this.#failure(error, doc)];
    }
    this.#doc = doc;
  }

  /** Where a value stands; with `key`, where the key of that name (the last of the path) stands. */
  place(path: Path, key = false): SourcePos {
    const known = key ? undefined : this.#places.get(path);
    if (known) return known;
    const pos = this.#position(this.#find(path, key));
    if (!key) this.#places.set(path, pos);
    return pos;
  }

  #find(path: Path, key: boolean): number {
    let node: unknown = this.#doc?.contents;
    let offset = rangeOf(node) ?? 0;
    for (const [index, segment] of path.entries()) {
      if (isAlias(node)) node = this.#doc ? node.resolve(this.#doc) : null;
      let next: unknown = null;
      if (isMap(node)) {
        const pair: Pair | undefined = node.items.find((item) => keyText(item.key) === String(segment));
        if (!pair) return offset;
        const keyOffset = rangeOf(pair.key) ?? offset;
        if (key && index === path.length - 1) return keyOffset;
        next = pair.value;
        // A key without a value: its null stands somewhere after the colon.
        offset = isScalar(next) && next.value === null && next.source === '' ? keyOffset : rangeOf(next) ?? keyOffset;
      } else if (isSeq(node)) {
        next = node.items[Number(segment)];
        offset = rangeOf(next) ?? offset;
      } else {
        return offset;
      }
      node = next;
    }
    return offset;
  }

  #position(offset: number): SourcePos {
    const { line, col } = this.#counter.linePos(offset);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  #problem(offset: number, message: string, hint: string | null = null): ScenarioProblem {
    return { ...this.#position(offset), message, hint };
  }

  #failure(error: unknown, doc: Document.Parsed | null): ScenarioProblem {
    if (error instanceof RangeError) return this.#problem(0, `${basename(this.file)} is nested too deeply`);
    const message = messageOf(error);
    const name = /^Unresolved alias.*: (.*)$/.exec(message)?.[1];
    let offset = 0;
    if (doc) {
      visit(doc, {
        Alias(_, alias) {
          if (name !== undefined && alias.source !== name) return undefined;
          offset = rangeOf(alias) ?? 0;
          return visit.BREAK;
        },
      });
    }
    return this.#problem(offset, /^Excessive alias/.test(message) ? `expected at most ${MAX_ALIASES} copies by alias` : `YAML: ${message}`);
  }
}

function rangeOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function yamlMessage(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key is there twice in one mapping';
  if (code === 'MULTIPLE_DOCS') return 'a scenario is one YAML document; a second one begins here';
  return `YAML: ${message}`;
}
