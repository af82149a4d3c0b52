// SPDX-License-Identifier: Apache-2.0
// Asks the image store before something is built. Anything wrong with the store is one line for the user; then the lab
// builds.
import { messageOf } from '../../util/errors.js';
import type { Workspace } from '../context.js';
import { openBackend } from './open.js';
import type { Pulled } from './pull.js';
import { ImageStore } from './store.js';

/** Stores that did not answer. They are not asked again by this process: each question costs seconds. */
const silent = new Set<string>();

/** What the store is said to lack; `silent` if the caller asks for something else next. */
export type Missing = { name: string } | 'silent';

export async function tryStore(
  what: string,
  work: Workspace,
  pull: (store: ImageStore) => Promise<Pulled>,
  missing: Missing = { name: what },
): Promise<boolean> {
  if (work.store === null || silent.has(work.store)) return false;
  const store = new ImageStore(openBackend(work.store), work);
  work.onProgress({ task: `look for ${what} in the image store`, done: 0, of: null });
  try {
    const pulled = await pull(store);
    if (pulled === 'missing' && missing !== 'silent')
      work.onNote(`the image store ${store.label} has no ${missing.name}`);
    return pulled === 'taken';
  } catch (error) {
    work.signal.throwIfAborted();
    if (store.unanswered) silent.add(work.store);
    work.onNote(`the image store ${store.label} cannot provide ${what}: ${messageOf(error)}`);
    return false;
  }
}
