// SPDX-License-Identifier: Apache-2.0
// Paths in a patch are a stranger's: only plain ones inside the tree are taken.
import { UsageError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';

const MAX_LENGTH = 1000;
const PLAIN = /^[A-Za-z0-9_.,+@=~#%:-][A-Za-z0-9_.,+@=~#%:/-]*$/;

/** Throws a UsageError for a path that could lead out of the tree, or that no kernel has. */
export function checkPath(path: string, what: string): void {
  const parts = path.split('/');
  if (path.length > MAX_LENGTH || !PLAIN.test(path) || parts.some((part) => ['', '.', '..', '.git'].includes(part)))
    throw new UsageError(`${what}: ${printable(path, 200)} is no path that a patch may change`);
}
