// SPDX-License-Identifier: Apache-2.0
// The files of src/ and what each of them imports.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export const SRC = join(import.meta.dirname, '../../src');

export interface SourceImport {
  /** Relative to src/, with its ending. */
  file: string;
  /** Relative to src/, with its ending; a package's name where it is none of ours. */
  target: string;
}

export function sourceFiles(): string[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
}

export function sourceImports(): SourceImport[] {
  return sourceFiles().flatMap((file) => {
    const path = join(SRC, file);
    const text = readFileSync(path, 'utf8');
    return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target = '']) => {
      if (!target.startsWith('.')) return { file, target };
      const stem = resolve(dirname(path), target).replace(/\.js$/, '');
      return { file, target: relative(SRC, existsSync(`${stem}.tsx`) ? `${stem}.tsx` : `${stem}.ts`) };
    });
  });
}
