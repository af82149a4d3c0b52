// SPDX-License-Identifier: Apache-2.0
// One line that QEMU wrote: a trace event of its `log` backend (`-trace enable=NAME -D FILE`), or an error on stderr.
// Both carry the host's wall clock only with `-msg timestamp=on`: `PID@SECONDS.MICROS:NAME TEXT` and
// `YYYY-MM-DDTHH:MM:SS.MICROSZ qemu-...: FUNCTION: TEXT` (QEMU 7.2, seen; formats are those in its binary). Later than
// 10.0, trace events begin like errors do (src/qemu/trace-line.ts).

/** Longer lines are none of QEMU's. */
export const MAX_LINE = 2048;

export interface TraceLine {
  /** Microseconds since 1970 by the host's clock; null without a timestamp. */
  tMicros: number | null;
  /** Name of the event, or of the function in QEMU that reports an error. */
  name: string;
  text: string;
  source: 'trace' | 'error';
}

const TRACE = /^(?:\d{1,10}@(\d{1,11})\.(\d{6}):)?((?:vtd|amdvi|virtio_iommu)_[a-z0-9_]{1,60})(?: (.*))?$/;
const PREFIXED =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z (?:[^\s:()]{0,64}(?:\(\d{1,10}(?::[^()]{0,32})?\))?: )?((?:vtd|amdvi|virtio_iommu)_[a-z0-9_]{1,60})(?: (.*))?$/;
const ERROR =
  /^(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z )?[^\s:]*qemu[^\s:]*: ((?:vtd|amdvi|virtio_iommu)[a-z0-9_]{0,60}): (.*)$/;

/** null for a line that is neither. */
export function parseTraceLine(line: string): TraceLine | null {
  if (line.length > MAX_LINE) return null;
  const trace = TRACE.exec(line);
  if (trace !== null) {
    const [, seconds, micros, name = '', text = ''] = trace;
    return {
      tMicros: seconds === undefined ? null : Number(seconds) * 1e6 + Number(micros),
      name,
      text: text.trimEnd(),
      source: 'trace',
    };
  }
  const prefixed = PREFIXED.exec(line);
  if (prefixed !== null) return dated(prefixed, 'trace');
  const error = ERROR.exec(line);
  return error === null ? null : dated(error, 'error');
}

function dated([, date, fraction = '', name = '', text = '']: RegExpExecArray, source: TraceLine['source']): TraceLine {
  const ms = date === undefined ? Number.NaN : Date.parse(`${date}Z`);
  return {
    tMicros: Number.isNaN(ms) ? null : ms * 1000 + Number(fraction.padEnd(6, '0')),
    name,
    text: text.trimEnd(),
    source,
  };
}
