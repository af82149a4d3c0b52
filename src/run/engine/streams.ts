// SPDX-License-Identifier: Apache-2.0
// The raw streams of a run. The caller stores them; the run itself writes no results.
import type { EventSink } from '../../model/result/event.js';

export interface RunStreams {
  event: EventSink;
  /** Raw bytes of the serial console; only valid during the call. */
  console(chunk: Buffer): void;
  qmp(direction: 'out' | 'in', message: string): void;
  /** The next part of QEMU's log of translated code; only valid during the call. */
  translations?(chunk: Buffer): void;
  /** Bytes of that log that were not read. */
  translationsLost?(bytes: number): void;
  agent(direction: 'out' | 'in', line: string): void;
}
