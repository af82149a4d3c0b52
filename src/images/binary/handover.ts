// SPDX-License-Identifier: Apache-2.0
// Summarises what an image tells about the handover.
import { closeSync, openSync, readSync } from 'node:fs';
import { kernelVersions } from '../../compat/index.js';
import type { Component } from '../../model/kernel/component.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { ScanResult } from './components.js';

/** A configuration has a few hundred kilobytes. Of a larger file, only this much is read. */
const MAX_CONFIG = 4 * 2 ** 20;

/**
 * Combines the evidence of an image.
 * @param config path of the configuration that the kernel was built with
 * @param numbers versions in its source that are numbers, if its source is known
 */
export function handoverOf(
  scan: ScanResult,
  config: string | null,
  numbers: readonly Component[] = [],
): Pick<KernelImage, 'components' | 'listed' | 'versions' | 'known' | 'notes'> {
  const evidence = {
    strings: scan.components,
    listed: scan.listed,
    config: config === null ? null : head(config),
    whole: scan.whole,
    registered: scan.registered,
    numbers,
  };
  return { ...kernelVersions(evidence), listed: scan.listed, notes: scan.notes };
}

function head(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(MAX_CONFIG);
    let size = 0;
    for (let got = -1; got !== 0 && size < MAX_CONFIG; size += got)
      got = readSync(fd, bytes, size, MAX_CONFIG - size, null);
    return bytes.toString('latin1', 0, size);
  } finally {
    closeSync(fd);
  }
}
