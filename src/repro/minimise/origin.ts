// SPDX-License-Identifier: Apache-2.0
// Start and end of minimising: reads a scenario's YAML as plain data with its exact kernels, and writes the smallest.
import { dirname, relative, resolve } from 'node:path';
import { SourceDocument } from '../../scenario/source/document.js';
import type { Data } from './data.js';

/**
 * @param file path of the scenario; uploads are relative to it
 * @param name name of the scenario
 * @param folder folder of the smallest scenario, to which uploads become relative
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

/** Moves the paths of uploads, which are relative to their scenario. */
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

/** What it is the smallest form of, and whether the search has ended. */
export interface Heading {
  failure: string;
  origin: string;
  state: 'so far' | 'final';
}

export function smallestText(text: string, { failure, origin, state }: Heading): string {
  const form = state === 'final' ? 'The smallest form' : 'The smallest form so far';
  return `# ${form} of ${oneLine(origin)} that ends in: ${oneLine(failure)}\n${text}`;
}

const oneLine = (text: string) => text.replace(/[^\x20-\x7e]+/g, ' ');
