// SPDX-License-Identifier: Apache-2.0
// The timeline of a run: the few events that matter to a reader.
import type { Event } from '../../model/result/event.js';
import type { Result } from '../../model/result/result.js';

const MAX_ENTRIES = 1000;

export class Timeline {
  readonly entries: Result['timeline'] = [];

  take(event: Event): void {
    const what = entryOf(event);
    if (what !== null && this.entries.length < MAX_ENTRIES) this.entries.push({ t: event.t, epoch: event.epoch, what });
  }
}

function entryOf(event: Event): string | null {
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
    case 'snapshot':
      return snapshotEntry(event);
    case 'fault':
      return `fault ${event.fault}: ${event.detail}`;
    case 'qmp':
      // The lab pauses the machine for its own checks.
      return event.event === 'STOP' || event.event === 'RESUME' ? null : `QEMU: ${event.event}`;
    case 'crash':
      return event.severity === 'info' ? null : `console: ${event.title}`;
    default:
      return null;
  }
}

function snapshotEntry(event: Extract<Event, { kind: 'snapshot' }>): string {
  switch (event.state) {
    case 'resumed':
      return `from a snapshot: ${event.rung}, saved ${event.savedAt}`;
    case 'saved':
      return `snapshot saved: ${event.rung}`;
    case 'not-saved':
      return `no snapshot saved (${event.rung}): ${event.why}`;
    case 'unusable':
      return `the snapshot was unusable: ${event.why}`;
  }
}
