// SPDX-License-Identifier: Apache-2.0
// The YAML of a scenario as plain data, with the position of every part.
import {
  type Document,
  LineCounter,
  type Node,
  type Pair,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  visit,
} from 'yaml';
import type { SourcePos } from '../../model/scenario/source-pos.js';
import { messageOf } from '../../util/errors.js';
import type { ScenarioProblem } from './problem.js';

export type Path = readonly PropertyKey[];

const MAX_ALIASES = 100;
const MAX_ERRORS = 20;
const MAX_LEVELS = 50;
const TOO_DEEP = `expected at most ${MAX_LEVELS} levels of lists and mappings`;

/** A parsed document: its data, and the position of every path. */
export class SourceDocument {
  readonly data: unknown;
  readonly errors: ScenarioProblem[];
  readonly file: string;
  readonly #doc: Document.Parsed | null;
  readonly #counter = new LineCounter();
  /** Keyed by the path object, which all copies of an entry share. */
  readonly #places = new WeakMap<Path, SourcePos>();

  constructor(text: string, file: string) {
    this.file = file;
    let doc: Document.Parsed | null = null;
    this.errors = [];
    this.data = undefined;
    try {
      doc = parseDocument(text, { lineCounter: this.#counter, prettyErrors: false, strict: true, uniqueKeys: false });
      this.errors = doc.errors
        .slice(0, MAX_ERRORS)
        .map((error) => this.#problem(error.pos[0], yamlMessage(error.code, error.message)));
      if (this.errors.length === 0) this.errors = this.#duplicates(doc);
      if (this.errors.length === 0) {
        keepTokens(doc);
        this.data = doc.toJS({ maxAliasCount: MAX_ALIASES });
        const shape = nesting(this.data, new Set());
        if (shape !== null) this.errors = [this.#failure(new Error(shape), doc)];
      }
    } catch (error) {
      this.errors = [this.#failure(error, doc)];
    }
    this.#doc = doc;
  }

  /** The position of a value or, with `key`, of the last key of the path. */
  place(path: Path, of: 'value' | 'key' = 'value'): SourcePos {
    const known = of === 'key' ? undefined : this.#places.get(path);
    if (known) return known;
    const pos = this.#position(this.#find(path, of));
    if (of === 'value') this.#places.set(path, pos);
    return pos;
  }

  #find(path: Path, of: 'value' | 'key'): number {
    let node: unknown = this.#doc?.contents;
    let offset = rangeOf(node) ?? 0;
    for (const [index, segment] of path.entries()) {
      if (isAlias(node)) node = this.#doc ? node.resolve(this.#doc) : null;
      let next: unknown = null;
      if (isMap(node)) {
        const pair: Pair | undefined = node.items.find((item) => keyText(item.key) === String(segment));
        if (!pair) return offset;
        const keyOffset = rangeOf(pair.key) ?? offset;
        if (of === 'key' && index === path.length - 1) return keyOffset;
        next = pair.value;
        // For a key without a value, the parser puts the null somewhere after the colon.
        offset = isScalar(next) && next.value === null && next.source === '' ? keyOffset : (rangeOf(next) ?? keyOffset);
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

  /** Finds duplicate keys in a mapping. The parser's own check takes quadratic time. */
  #duplicates(doc: Document.Parsed): ScenarioProblem[] {
    const duplicates: ScenarioProblem[] = [];
    visit(doc, {
      Map: (_, map) => {
        const seen = new Map<string, number>();
        for (const { key } of map.items) {
          const name = keyText(key);
          const offset = rangeOf(key) ?? 0;
          const first = seen.get(name);
          if (first === undefined) seen.set(name, offset);
          else
            duplicates.push(
              this.#problem(
                offset,
                `this mapping has the key twice; the first one is in line ${this.#position(first).line}`,
              ),
            );
        }
        return duplicates.length < MAX_ERRORS ? undefined : visit.BREAK;
      },
    });
    return duplicates;
  }

  #failure(error: unknown, doc: Document.Parsed | null): ScenarioProblem {
    const message = messageOf(error);
    if (error instanceof RangeError) return this.#problem(0, TOO_DEEP);
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
    return this.#problem(
      offset,
      message.startsWith('Excessive alias')
        ? `expected at most ${MAX_ALIASES} copies by alias`
        : yamlMessage('', message),
    );
  }
}

/** Tokens have 64 bits, but YAML numbers only 53 here. So a longer token stays text. */
function keepTokens(doc: Document.Parsed): void {
  visit(doc, {
    Pair(_, { key, value }) {
      if (
        keyText(key) !== 'token' ||
        !isScalar(value) ||
        typeof value.value !== 'number' ||
        Number.isSafeInteger(value.value)
      )
        return;
      if (/^\d{1,40}$/.test(value.source ?? '')) value.value = value.source;
    },
  });
}

function rangeOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

/** Finds data that cannot be walked: too many levels, or a value that contains itself. */
function nesting(value: unknown, around: Set<unknown>): string | null {
  if (typeof value !== 'object' || value === null) return null;
  if (around.has(value)) return 'an alias refers to a value that contains it';
  if (around.size >= MAX_LEVELS) return TOO_DEEP;
  around.add(value);
  for (const each of Object.values(value)) {
    const problem = nesting(each, around);
    if (problem !== null) return problem;
  }
  around.delete(value);
  return null;
}

function yamlMessage(code: string, message: string): string {
  if (code === 'MULTIPLE_DOCS') return 'expected one YAML document; a second one starts here';
  if (/call stack/.test(message) || message === TOO_DEEP) return TOO_DEEP;
  return `YAML: ${message}`;
}
