// SPDX-License-Identifier: Apache-2.0
// Parses one trace event of QEMU's log (trace backend `log`, with -msg timestamp=on). QEMU 7.2 to 10.0 write
// `4711@1795358673.724761:vtd_dmar_enable enable 1`: thread, seconds and microseconds of the wall clock, event,
// arguments. Later versions put one prefix before every message: `2026-11-27T10:00:00.123456Z vtd_dmar_enable enable
// 1`. The program's name, its thread, or both may follow the time.

export interface TraceLine {
  /** Milliseconds since 1970 by the wall clock, with microseconds behind the decimal point. */
  wallMs: number;
  event: string;
  text: string;
}

const LINE = /^\d{1,10}@(\d{1,12})\.(\d{6}):([a-z0-9_]{1,80}) ?(.*)$/;
const PREFIXED =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z (?:[^\s:()]{0,64}(?:\(\d{1,10}(?::[^()]{0,32})?\))?: )?([a-z0-9_]{1,80})(?: (.*))?$/;

/** Returns null for anything else that QEMU writes to its log. */
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
