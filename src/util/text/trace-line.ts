// SPDX-License-Identifier: Apache-2.0
// Parses one line of QEMU's log: a trace event (trace backend `log`, `-trace enable=NAME -D FILE`), or an error of one
// of its functions. Both have the wall-clock time only with `-msg timestamp=on`.
// - QEMU 7.2 to 10.0, trace: `4711@1795358673.724761:vtd_dmar_enable enable 1`: thread, seconds and microseconds.
// - Later: one prefix for all messages, `2026-11-27T10:00:00.123456Z vtd_dmar_enable enable 1`. The name of the
// program, its thread, or both may follow the time.
// - Errors: `2026-11-27T10:00:00.123456Z qemu-system-x86_64: vtd_iommu_translate: detail`.

export interface TraceLine {
  /** Microseconds since 1970 on the host's clock; null without a timestamp. */
  tMicros: number | null;
  /** Name of the event, or of the function in QEMU that reports an error. */
  name: string;
  text: string;
  source: 'trace' | 'error';
}

const COUNTED = /^\d{1,10}@(\d{1,12})\.(\d{6}):([a-z0-9_]{1,80})(?: (.*))?$/;
const UNDATED = /^([a-z0-9_]{1,80})(?: (.*))?$/;
const TIME = String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z`;
/** `NAME(PID:THREAD): ` of the process; any part of it may be absent. */
const PROCESS = String.raw`(?:[^\s:()]{0,64}(?:\(\d{1,10}(?::[^()]{0,32})?\))?: )?`;
const DATED = new RegExp(String.raw`^${TIME} ${PROCESS}([a-z0-9_]{1,80})(?: (.*))?$`);
const ERROR = /^(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{1,6})Z )?[^\s:]*qemu[^\s:]*: ([a-z0-9_]{1,80}): (.*)$/;

/**
 * Returns null for a line of another form. A line without a timestamp may be any text that begins with a word, so the
 * caller must know which names to expect.
 */
export function parseTraceLine(line: string): TraceLine | null {
  const counted = COUNTED.exec(line);
  if (counted !== null) {
    const [, seconds = '', micros = '', name = '', text = ''] = counted;
    return { tMicros: Number(seconds) * 1e6 + Number(micros), name, text, source: 'trace' };
  }
  const dated = DATED.exec(line);
  if (dated !== null) {
    const [, date = '', fraction, name = '', text = ''] = dated;
    return { tMicros: microsOf(date, fraction), name, text, source: 'trace' };
  }
  const error = ERROR.exec(line);
  if (error !== null) {
    const [, date, fraction, name = '', text = ''] = error;
    return { tMicros: date === undefined ? null : microsOf(date, fraction), name, text, source: 'error' };
  }
  const [, name, text = ''] = UNDATED.exec(line) ?? [];
  return name === undefined ? null : { tMicros: null, name, text, source: 'trace' };
}

/** Returns null for a date that does not exist. */
function microsOf(date: string, fraction = ''): number | null {
  const ms = Date.parse(`${date}Z`);
  return Number.isNaN(ms) ? null : ms * 1000 + Number(fraction.padEnd(6, '0'));
}
