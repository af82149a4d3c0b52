// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoundedLog } from '../../../src/store/run/bounded-log.js';
import { temporaryFolder } from '../../util/temporary.js';

/** Returns the content of the file after writing the chunks. */
function logged(head: number, tail: number, chunks: readonly string[]): string {
  const path = join(temporaryFolder(), 'log');
  const log = new BoundedLog(path, head, tail);
  for (const chunk of chunks) log.write(Buffer.from(chunk));
  log.close();
  return readFileSync(path, 'utf8');
}

const left = (bytes: number) => `\n[lab: ${bytes} bytes left out here]\n`;

describe('a log with a limit', () => {
  it.each<[string, number, number, string[], string]>([
    ['nothing', 10, 10, [], ''],
    ['less than the beginning', 10, 10, ['abc', 'def'], 'abcdef'],
    ['just the beginning', 6, 10, ['abc', 'def'], 'abcdef'],
    ['beginning and end', 4, 10, ['abc', 'def', 'ghi'], 'abcdefghi'],
    ['one chunk over both', 4, 10, ['abcdefghi'], 'abcdefghi'],
    [
      'more than both: the oldest chunks behind the beginning fall out',
      4,
      4,
      ['abcd', 'ef', 'gh', 'ij', 'kl'],
      `abcd${left(4)}ijkl`,
    ],
    ['a chunk that is larger than the end: only its own end', 4, 4, ['abcd', 'efghijklmnop'], `abcd${left(8)}mnop`],
    ['the same, over the edge', 4, 4, ['abcdefghijklmnop'], `abcd${left(8)}mnop`],
    ['no beginning', 0, 4, ['abcd', 'efgh'], `${left(4)}efgh`],
  ])('%s', (_, head, tail, chunks, text) => expect(logged(head, tail, chunks)).toBe(text));

  it('of JSON lines has only JSON lines, in order', () => {
    const path = join(temporaryFolder(), 'log');
    const log = new BoundedLog(path, 1000, 500, 'jsonl');
    for (let n = 0; n < 200; n++) log.write(Buffer.from(`${JSON.stringify({ n, text: 'x'.repeat(n % 50) })}\n`));
    log.write(Buffer.from(`${JSON.stringify({ n: 200, text: 'far too long'.repeat(100) })}\n`));
    log.write(Buffer.from('{"n":201}\n'));
    log.close();
    const lines = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { n?: number; leftOutBytes?: number });
    const numbers = lines.flatMap(({ n }) => n ?? []);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect([numbers[0], numbers.at(-1), numbers.includes(200)]).toEqual([0, 201, false]);
    expect(lines.filter(({ leftOutBytes }) => leftOutBytes !== undefined)).toHaveLength(1);
    expect(statSync(path).size).toBeLessThan(1700);
  });

  it('keeps within its limits in a flood, including the end', () => {
    const path = join(temporaryFolder(), 'log');
    const log = new BoundedLog(path, 1 << 20, 1 << 20);
    const chunk = Buffer.alloc(64 << 10, 'x');
    for (let i = 0; i < 1600; i++) log.write(chunk);
    log.write(Buffer.from('THE END'));
    log.close();
    expect(statSync(path).size).toBeLessThan((2 << 20) + (64 << 10) + 100);
    expect(readFileSync(path, 'latin1').endsWith('THE END')).toBe(true);
  });

  it('copies its input', () => {
    const path = join(temporaryFolder(), 'log');
    const log = new BoundedLog(path, 0, 100);
    const buffer = Buffer.from('mine');
    log.write(buffer);
    buffer.fill('x');
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('may be closed twice, and drops anything written afterwards', () => {
    const path = join(temporaryFolder(), 'log');
    const log = new BoundedLog(path, 100, 100);
    log.write(Buffer.from('kept'));
    log.close();
    // The descriptor number is free for another file now.
    const other = join(temporaryFolder(), 'other');
    const fd = openSync(other, 'w');
    log.write(Buffer.from('late'));
    log.close();
    closeSync(fd);
    expect(readFileSync(path, 'utf8')).toBe('kept');
    expect(readFileSync(other, 'utf8')).toBe('');
  });
});
