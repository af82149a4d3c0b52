// SPDX-License-Identifier: Apache-2.0
// Events of a run as progress messages.
import type { Event } from '../../model/result/event.js';
import { printable } from '../../util/text/escape.js';
import { seconds } from '../text/style.js';

/** What the machine does now; null for events that are too small to show. */
export function progressText(event: Event): string | null {
  switch (event.kind) {
    case 'task':
      return event.state === 'start' ? `${event.task} (${seconds(event.t)})` : null;
    case 'epoch':
      return event.mark === 'boot' ? `kernel ${event.release} boots` : `user space of ${event.release} is up`;
    case 'kexec':
      return event.state === 'going' ? 'kexec' : null;
    case 'snapshot':
      return snapshotText(event);
    case 'step':
      return event.index % 50 === 0 ? `${event.op} ${event.target}` : null;
    default:
      return null;
  }
}

function snapshotText(event: Extract<Event, { kind: 'snapshot' }>): string | null {
  switch (event.state) {
    case 'resumed':
      return `from a snapshot: ${event.rung}`;
    case 'not-saved':
      return `no snapshot saved (${event.rung}): ${printable(event.why, 300)}`;
    default:
      return null;
  }
}
