// SPDX-License-Identifier: Apache-2.0
// Events of a run as progress messages.
import type { Event } from '../../model/result/event.js';
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
      return event.state === 'resumed' ? `from a snapshot: ${event.rung}` : null;
    case 'step':
      return event.index % 50 === 0 ? `${event.op} ${event.target}` : null;
    default:
      return null;
  }
}
