// SPDX-License-Identifier: Apache-2.0
// The few events that tell the story of a run.
import type { Event } from '../../model/result/event.js';
import type { Result } from '../../model/result/result.js';

/** Collects, from the stream of events, the few that tell the story of a run. */
export class Timeline {
  readonly entries: Result['timeline'] = [];

  take(event: Event): void {
    const what = storyOf(event);
    if (what !== null && this.entries.length < 1000) this.entries.push({ t: event.t, epoch: event.epoch, what });
  }
}

function storyOf(event: Event): string | null {
  switch (event.kind) {
    case 'task':
      return event.state === 'done' ? `${event.task}: done` : event.state === 'failed' ? `${event.task}: failed` : null;
    case 'epoch':
      return event.mark === 'boot' ? `kernel ${event.release} begins` : `user space of ${event.release} is up`;
    case 'kexec':
      return event.state === 'going'
        ? 'kexec'
        : event.state === 'left'
          ? null
          : event.state === 'refused'
            ? `kexec refused: ${event.errno}`
            : 'next kernel loaded';
    case 'fault':
      return `fault ${event.fault}: ${event.detail}`;
    case 'qmp':
      // The lab holds the machine still for its looks.
      return event.event === 'STOP' || event.event === 'RESUME' ? null : `QEMU: ${event.event}`;
    case 'crash':
      return event.severity === 'info' ? null : `console: ${event.title}`;
    default:
      return null;
  }
}
