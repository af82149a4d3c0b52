// SPDX-License-Identifier: Apache-2.0
// Colours of outcomes, and durations as text: the same for everything that is printed.
import type { Outcome } from '../../model/result/outcome.js';
import pc from 'picocolors';

type Colours = ReturnType<typeof pc.createColors>;

const PAINT: Readonly<Record<Outcome, (colours: Colours) => (text: string) => string>> = {
  infra: (c) => c.magenta,
  panic: (c) => c.red,
  reboot: (c) => c.red,
  hang: (c) => c.red,
  corrupt: (c) => c.red,
  lost: (c) => c.red,
  leak: (c) => c.yellow,
  tainted: (c) => c.yellow,
  refused: (c) => c.cyan,
  preserved: (c) => c.green,
};

/** Colours for a stream. There are none if it is not a terminal, or if NO_COLOR is set. */
export function coloursFor(stream: { isTTY?: boolean }): Colours {
  return pc.createColors(stream.isTTY === true && !process.env['NO_COLOR']);
}

export function paint(outcome: Outcome, text: string, colours: Colours): string {
  return PAINT[outcome](colours)(text);
}

/** A duration for people: seconds with one decimal, from 100 s on minutes and seconds. */
export function seconds(ms: number): string {
  if (ms < 100_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export { bytesText as bytes } from '../../util/bytes.js';
