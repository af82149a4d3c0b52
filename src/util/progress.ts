// SPDX-License-Identifier: Apache-2.0
// Reports the progress of a task. Reports are thinned out, so that a task may report as often as it likes.

export interface Progress {
  task: string;
  done: number;
  /** null if the end is unknown. */
  of: number | null;
  detail?: string;
}

export type OnProgress = (progress: Progress) => void;

const EVERY_MS = 250;

/** Passes on at most four reports per second and task, but always the first and the last (`done` = `of`). */
export function thinOut(onProgress: OnProgress): OnProgress {
  const last = new Map<string, number>();
  return (progress) => {
    const now = performance.now();
    const before = last.get(progress.task);
    if (before !== undefined && now - before < EVERY_MS && progress.done !== progress.of) return;
    last.set(progress.task, now);
    onProgress(progress);
  };
}
