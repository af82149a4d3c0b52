// SPDX-License-Identifier: Apache-2.0
// What `lab repro` is given: a run by name or folder, or a bundle, which is unpacked for as long as it is used.
import { statSync } from 'node:fs';
import { openBundle } from '../repro/bundle/open.js';
import { type Subject, subjectOf } from '../repro/subject.js';
import { findInResults } from '../store/find.js';
import { UsageError } from '../util/errors.js';

export interface OpenSubject extends Subject {
  /** Nothing of an unpacked bundle stays. */
  close: () => void;
}

/** @param trust the bundle's scenario may use this host's files and QEMU options */
export async function openSubject(word: string, results: string, trust: boolean): Promise<OpenSubject> {
  if (statSync(word, { throwIfNoEntry: false })?.isFile()) {
    const bundle = await openBundle(word, trust);
    try {
      return { ...(await subjectOf(bundle.run, bundle.kernelFiles)), file: `${bundle.run}/scenario.yaml`, close: bundle.close };
    } catch (error) {
      bundle.close();
      throw error;
    }
  }
  const { folder, kind, name } = findInResults(results, word);
  if (kind !== 'run') throw new UsageError(`${name} is a matrix: name one of its runs`, { hint: `lab show ${name}` });
  return { ...(await subjectOf(folder)), close: () => undefined };
}
