// SPDX-License-Identifier: Apache-2.0
// One line of QEMU's log with trace events in it (trace backend `log`, QEMU 7.2, with -msg timestamp=on):
// `4711@1795358673.724761:vtd_dmar_enable enable 1`: thread, seconds and microseconds of the wall clock, event, its arguments.

export interface TraceLine {
  /** Milliseconds of the wall clock since 1970, with microseconds behind the point. */
  wallMs: number;
  event: string;
  text: string;
}

const LINE = /^\d{1,10}@(\d{1,12})\.(\d{6}):([a-z0-9_]{1,80}) ?(.*)$/;

/** Null for anything else that QEMU writes into its log. */
export function parseTraceLine(line: string): TraceLine | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const [, seconds = '', micros = '', event = '', text = ''] = match;
  return { wallMs: Number(seconds) * 1000 + Number(micros) / 1000, event, text };
}
