// SPDX-License-Identifier: Apache-2.0
// Where minimising begins and ends: a scenario's YAML as plain data on its very kernels, and the smallest as a file.
import { dirname, relative, resolve } from 'node:path';
import { SourceDocument } from '../../scenario/document.js';
import { type Data, textOf } from './data.js';

/**
 * @param file the scenario's own path, which its uploads are relative to
 * @param name what it is called
 * @param folder where the smallest will lie
 */
export function ownData(text: string, file: string, name: string, kernels: readonly string[], folder: string): Data {
  const {
    from: _from,
    to: _to,
    chain: _chain,
    name: _name,
    description,
    ...rest
  } = new SourceDocument(text, 'scenario').data as Data;
  return rebased(
    {
      name,
      ...(description === undefined ? {} : { description }),
      ...(kernels.length === 2 ? { from: kernels[0], to: kernels[1] } : { chain: [...kernels] }),
      ...rest,
    },
    (path) => relative(folder, resolve(dirname(file), path)),
  ) as Data;
}

/** Uploads name files relative to their scenario. */
function rebased(value: unknown, move: (path: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => rebased(each, move));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const from = key === 'upload' ? (each as Data | null)?.['from'] : undefined;
      return [key, typeof from === 'string' ? { ...(each as Data), from: move(from) } : rebased(each, move)];
    }),
  );
}

export function smallestText(data: Data, failure: string, origin: string): string {
  return `# The smallest of ${oneLine(origin)} that ends in: ${oneLine(failure)}\n${textOf(data)}`;
}

const oneLine = (text: string) => text.replace(/[^\x20-\x7e]+/g, ' ');
