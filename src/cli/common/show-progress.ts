// SPDX-License-Identifier: Apache-2.0
// Progress of a download or a build, shown as one line of a stage.
import type { ImageContext } from '../../images/index.js';
import type { Task } from '../../report/live/progress.js';

/** Where the images show what they do, and what they note. */
export function showAll(task: Task): Pick<ImageContext, 'onProgress' | 'onNote'> {
  return { onProgress: showOn(task), onNote: (line) => task.note(line) };
}

/** The line says what is done, how much of it, and which part right now. */
export function showOn(task: Task): ImageContext['onProgress'] {
  return ({ task: what, done, of, detail }) => {
    const percent = of === null || of === 0 ? '' : `${Math.min(100, Math.floor((done / of) * 100))} %`;
    task.detail([what, percent, detail ?? ''].filter((part) => part !== '').join('  '));
  };
}
