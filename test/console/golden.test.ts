// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { terminalSafe } from '../../src/console/index.js';
import { describeSignals, goldens, rewrite, scan } from './golden.js';

const update = process.env['UPDATE_GOLDEN'] === '1';
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

describe.each(goldens().map((golden) => [golden.name, golden] as const))('%s', (_, golden) => {
  const signals = scan(golden.log);

  it('gives the signals in its headers', () => {
    const headers = describeSignals(signals);
    if (update) rewrite(golden, headers);
    else expect(headers).toBe(golden.headers);
  });

  it('is short, and gives signals', () => {
    expect(golden.log.toString('latin1').split('\n').length).toBeLessThanOrEqual(130);
    expect(signals.length).toBeGreaterThan(0);
  });

  it('gives the same signals in pieces of any size', () => {
    for (const piece of [1, 7, 64, 4096]) expect(scan(golden.log, piece)).toEqual(signals);
  });

  it('can be cut off at any line', () => {
    for (let end = golden.log.indexOf(0x0a); end >= 0; end = golden.log.indexOf(0x0a, end + 1)) {
      const cut = scan(golden.log.subarray(0, end + 1));
      // A prefix never gives more signals than the whole log, nor others.
      expect(cut.filter(({ type }) => type === 'mark')).toEqual(
        signals.filter((signal) => signal.type === 'mark').slice(0, cut.filter(({ type }) => type === 'mark').length),
      );
      for (const signal of cut)
        expect(signals.some(({ type, line }) => type === signal.type && line === signal.line)).toBe(true);
    }
  });

  it('gives the same signals with plain line feeds, and with junk between the lines', () => {
    const bare = (list: typeof signals) =>
      list.map((signal) => (signal.type === 'mark' ? signal : { ...signal, text: '' }));
    const plain = Buffer.from(golden.log.toString('latin1').replaceAll('\r', ''), 'latin1');
    expect(bare(scan(plain))).toEqual(bare(signals));
    const coloured = Buffer.from(golden.log.toString('latin1').replaceAll('\n', '\n\u001b[0m\0'), 'latin1');
    expect(bare(scan(coloured))).toEqual(bare(signals));
  });

  it('passes no control character to a terminal', () => {
    for (const signal of signals) {
      const texts =
        signal.type === 'finding' ? [signal.title, signal.text, signal.corrupted ?? ''] : [JSON.stringify(signal)];
      for (const text of texts) {
        expect(text).not.toMatch(CONTROL);
        expect(terminalSafe(text)).toBe(text);
      }
    }
  });

  it('has titles without addresses', () => {
    for (const signal of signals)
      if (signal.type === 'finding') expect(signal.title).not.toMatch(/[0-9a-f]{8}|0x|\{|\}/);
  });
});

it('there are enough golden files', () => {
  expect(goldens().length).toBeGreaterThanOrEqual(15);
});
