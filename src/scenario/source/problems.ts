// SPDX-License-Identifier: Apache-2.0
// Collects the problems of a file.
import type { Path, SourceDocument } from './document.js';
import type { ScenarioProblem } from './problem.js';

const MAX_KEPT = 200;

export class Problems {
  readonly #document: SourceDocument;
  readonly #list: ScenarioProblem[] = [];
  readonly #seen = new Set<string>();

  constructor(document: SourceDocument) {
    this.#document = document;
  }

  /** Adds a problem at the value (or the key) of a path. The same problem in many copies counts once. */
  add(path: Path, message: string, hint: string | null = null, at: 'value' | 'key' = 'value'): void {
    const place = this.#document.place(path, at);
    this.#keep({ ...place, message, hint });
  }

  /** Adds a problem of the command line, which has no position in the file. */
  addGeneral(message: string, hint: string | null = null): void {
    this.#keep({ file: this.#document.file, line: 0, column: 0, message, hint });
  }

  get empty(): boolean {
    return this.#list.length === 0;
  }

  /** The list is full: no more problems are kept. */
  get full(): boolean {
    return this.#list.length >= MAX_KEPT;
  }

  /** All problems, in file order. */
  sorted(): ScenarioProblem[] {
    return this.#list.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  #keep(problem: ScenarioProblem): void {
    const id = `${problem.line}:${problem.column}:${problem.message.replace(/\d+/g, '#')}`;
    if (this.#seen.has(id) || this.full) return;
    this.#seen.add(id);
    this.#list.push(problem);
  }
}
