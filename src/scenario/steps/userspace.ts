// SPDX-License-Identifier: Apache-2.0
// `userspace: NAME` becomes a step: each kernel starts the other system before anything else.
import type { SourceDocument } from '../source/document.js';
import { type Draft, succeeds } from './step-list.js';

const PATH = ['userspace'];

export function startUserspace(userspace: string, drafts: readonly Draft[], document: SourceDocument): Draft[] {
  const start = (epoch: number): Draft => ({
    step: { op: 'start-userspace', userspace, epoch, errno: null, pos: document.place(PATH) },
    path: PATH,
  });
  return [
    start(0),
    ...drafts.flatMap((draft) =>
      draft.step.op === 'kexec' && succeeds(draft.step) ? [draft, start(draft.step.epoch + 1)] : [draft],
    ),
  ];
}
