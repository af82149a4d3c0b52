// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Format } from '../../src/console/pattern.js';
import { PATTERN_GROUPS } from '../../src/console/table.js';
import { messagesOf } from '../../src/console/messages.js';
import { ConsoleLines } from '../../src/console/lines.js';
import { OUTCOMES } from '../../src/model/result/outcome.js';
import { TAINT_NAMES } from '../../src/model/result/taint.js';
import { goldens, scan } from './golden.js';
import { HARMLESS, MESSAGES } from './messages.js';

const find = (message: string) =>
  scan(new TextEncoder().encode(`[    0.000000] x\n[    1.000000] ${message}\n`)).flatMap((signal) =>
    signal.type === 'finding' ? [signal] : [],
  );

it.each(MESSAGES.map(([message, title, implies]) => ({ message, title, implies })))(
  '$message',
  ({ message, title, implies }) => {
    const taint = TAINT_NAMES.find((name) => name === implies) ?? null;
    expect(find(message).map((finding) => [finding.title, finding.implies, finding.taint])).toEqual([
      [title, taint === null ? (implies ?? null) : 'tainted', taint],
    ]);
  },
);

it.each(HARMLESS)('no finding in: %s', (message) => {
  expect(find(message)).toEqual([]);
});

describe('the table', () => {
  const formatOf = (message: string): Format | undefined => {
    for (const group of PATTERN_GROUPS) {
      if (
        !group.headers.some((header) => message.includes(header)) ||
        group.suppress?.some((re) => re.test(message)) === true
      )
        continue;
      const format = group.formats.find(({ re }) => re.test(message));
      if (format !== undefined) return format;
    }
    return undefined;
  };
  const matched = new Set<Format | undefined>(MESSAGES.map(([message]) => formatOf(message)));
  for (const { log } of goldens())
    new ConsoleLines().feed(log, ({ text }) => {
      for (const message of messagesOf(text)) matched.add(formatOf(message.text));
    });

  it.each(
    PATTERN_GROUPS.flatMap((group) =>
      group.formats.map((format) => [`${group.name}: ${format.title}`, format] as const),
    ),
  )('%s matches a golden or a message', (_, format) => {
    expect(matched.has(format)).toBe(true);
  });

  it('implies only outcomes that exist, and its patterns keep no state', () => {
    for (const group of PATTERN_GROUPS) {
      for (const implies of [group.implies, ...group.formats.map((format) => format.implies ?? null)])
        if (implies !== null) expect(OUTCOMES.filter((outcome) => outcome !== 'infra')).toContain(implies);
      for (const re of [
        ...group.formats.map((format) => format.re),
        ...(group.suppress ?? []),
        ...(group.end ? [group.end] : []),
      ])
        expect(re.flags).toBe('');
      for (const { implies = group.implies, taint = group.taint ?? null } of group.formats)
        expect(implies === 'tainted').toBe(taint !== null);
      expect(new Set(group.headers).size).toBe(group.headers.length);
    }
  });

  it('reads hostile lines fast', () => {
    const start = performance.now();
    for (const group of PATTERN_GROUPS)
      for (const header of group.headers) find(`${header}${' a'.repeat(1000)}${'('.repeat(500)}${'['.repeat(500)}`);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
