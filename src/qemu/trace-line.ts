// SPDX-License-Identifier: Apache-2.0
// One line of QEMU's log with trace events in it (trace backend `log`, with -msg timestamp=on). QEMU 7.2 to 10.0 write
// `4711@1795358673.724761:vtd_dmar_enable enable 1`: thread, seconds and microseconds of the wall clock, event, its
// arguments. Later ones give all messages one prefix: `2026-11-27T10:00:00.123456Z vtd_dmar_enable enable 1`, where the
// name of the program, its thread, or both may stand between the two.

export interface TraceLine {
  /** Milliseconds of the wall clock since 1970, with microseconds behind the point. */
  wallMs: number;
  event: string;
  text: string;
}

const LINE = /^\d{1,10}@(\d{1,12})\.(\d{6}):([a-z0-9_]{1,80}) ?(.*)$/;
const PREFIXED =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z (?:[^\s:()]{0,64}(?:\(\d{1,10}(?::[^()]{0,32})?\))?: )?([a-z0-9_]{1,80})(?: (.*))?$/;

/** Null for anything else that QEMU writes into its log. */
export function parseTraceLine(line: string): TraceLine | null {
  const match = LINE.exec(line);
  if (match !== null) {
    const [, seconds = '', micros = '', event = '', text = ''] = match;
    return { wallMs: Number(seconds) * 1000 + Number(micros) / 1000, event, text };
  }
  const [, date, fraction = '', event = '', text = ''] = PREFIXED.exec(line) ?? [];
  const seconds = date === undefined ? Number.NaN : Date.parse(`${date}Z`);
  return Number.isNaN(seconds) ? null : { wallMs: seconds + Number(fraction.padEnd(6, '0')) / 1000, event, text };
}
