// SPDX-License-Identifier: Apache-2.0
// Scenarios for the fake machine.
import type { Recovery } from '../../src/model/scenario/scenario.js';

export interface FakeScenario {
  updates: number;
  recover?: Recovery | undefined;
  /** Seconds. */
  timeout?: number | undefined;
  /** More lines of the file. */
  more?: string;
  /** How the last update ends. */
  kexec?: 'file' | 'abort';
}

/** A chain of updates that carry the same two files. */
export function updatesOf({ updates, recover, timeout, kexec = 'file', more = '' }: FakeScenario): string {
  return `
chain: [${'abcdefghijklmnop'
    .slice(0, updates + 1)
    .split('')
    .join(', ')}]
sessions:
  - name: vm0
    files:
      - {name: ram, memfd: 16KiB}
      - {name: state, memfd: 8KiB}
kexec: ${kexec}
expect: ${kexec === 'abort' ? 'refused' : 'preserved'}
${recover === undefined ? '' : `recover: ${recover}\n`}${timeout === undefined ? '' : `timeout: ${timeout}\n`}${more}`;
}

/** Two updates that carry the same two files. */
export const TWO_UPDATES = updatesOf({ updates: 2 });
