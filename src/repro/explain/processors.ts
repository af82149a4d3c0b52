// SPDX-License-Identifier: Apache-2.0
// What the processors were doing at the end of a run, from its incidents.
import { type Incident, LAST_REGISTERS } from '../../model/result/incident.js';

/** How `src/run/machine/standstill.ts` says what a processor does. */
const PROCESSOR = /^CPU \d{1,4} at 0x/;
const MAX_LINES = 200;

/** The incident of a hang has a line for each processor among others; a reset has one with all registers. */
export function processorsOf(incidents: readonly Pick<Incident, 'source' | 'title' | 'detail'>[]): string[] {
  return incidents
    .flatMap(({ source, title, detail }) => {
      const lines = detail.split('\n');
      if (source === 'qmp' && title === LAST_REGISTERS) return lines;
      return source === 'deadline' ? lines.filter((line) => PROCESSOR.test(line)) : [];
    })
    .slice(0, MAX_LINES);
}
