// SPDX-License-Identifier: Apache-2.0
// Collects what is wrong with one scenario, by place in its file.
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

  /** One problem at the value (or the key) of a path. The same problem of many copies from one place counts once. */
  add(path: Path, message: string, hint: string | null = null, at: 'value' | 'key' = 'value'): void {
    const place = this.#document.place(path, at === 'key');
    this.#keep({ ...place, message, hint });
  }

  /** A problem that has no place in the file: the command line is at fault. */
  addGeneral(message: string, hint: string | null = null): void {
    this.#keep({ file: this.#document.file, line: 0, column: 0, message, hint });
  }

  get empty(): boolean {
    return this.#list.length === 0;
  }

  /** So many that no more are kept. */
  get full(): boolean {
    return this.#list.length >= MAX_KEPT;
  }

  /** All of them, in file order. */
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
