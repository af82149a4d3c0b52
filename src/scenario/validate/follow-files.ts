// SPDX-License-Identifier: Apache-2.0
// Follows the steps on existing files: is there such a file, and can the lab predict its content?
import type { FileAction } from '../../model/scenario/file-steps.js';
import type { SessionFollower } from './follow-sessions.js';
import { ALL_PAGES, LIMITS, PAGE } from '../schema/limits.js';
import { shown } from '../source/problem.js';
import { type Draft, succeeds } from '../steps/step-list.js';

export class FileFollower {
  readonly #sessions: SessionFollower;
  /** Number of changes of each file. The agent tracks a limited number of content layers. */
  readonly #changes = new Map<string, number>();

  constructor(sessions: SessionFollower) {
    this.#sessions = sessions;
  }

  follow(step: FileAction, draft: Draft): void {
    const sessions = this.#sessions;
    const checked = succeeds(draft.step);
    if (step.op === 'get-name' || step.op === 'link') {
      if (checked) sessions.openSession(step.session, draft);
      return;
    }
    if (step.op === 'ioctl') {
      const { on } = step;
      if (on.kind === 'session' && checked) sessions.openSession(on.name, draft);
      if (on.kind === 'file' && !sessions.files.has(on.name)) sessions.unknownFile(on.name, draft);
      return;
    }
    const spec = sessions.files.get(step.file);
    // The lab cannot change or check an unknown file.
    if (spec === undefined) {
      sessions.unknownFile(step.file, { ...draft, path: [...draft.path, 'file'] });
      return;
    }
    if (spec.kind !== 'memfd') {
      sessions.problems.add(
        [...draft.path, 'file'],
        `expected a memfd, because the lab cannot predict the content of other files after ${step.op}; ` +
          `${shown(step.file)} is not one`,
      );
      return;
    }
    if (step.op === 'write' && step.count === ALL_PAGES) step.count = Math.max(1, Math.ceil(spec.size / PAGE));
    const end =
      step.op === 'truncate'
        ? step.size
        : step.op === 'write' || step.op === 'fallocate'
          ? (step.first + step.count) * PAGE
          : 0;
    if (end > LIMITS.size)
      sessions.problems.add(draft.path, `expected a size of at most 1TiB, found pages up to byte ${end}`);
    if (step.op === 'reopen') sessions.reopen(spec, step.as, draft);
    if (step.op === 'write' || step.op === 'truncate' || step.op === 'fallocate') this.#count(step.file, draft);
    if (checked && end > spec.size && !(step.op === 'fallocate' && step.how !== 'allocate'))
      sessions.files.set(step.file, { ...spec, size: end });
  }

  #count(file: string, draft: Draft): void {
    const changes = (this.#changes.get(file) ?? 0) + 1;
    this.#changes.set(file, changes);
    if (changes === LIMITS.changes + 1)
      this.#sessions.problems.add(
        draft.path,
        `expected at most ${LIMITS.changes} writes, truncations and allocations of one file; ${shown(file)} has more`,
      );
  }
}
