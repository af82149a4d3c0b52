// SPDX-License-Identifier: Apache-2.0
// Golden files: the scanner's output for a log, an empty line, and the log itself, byte by byte as a machine wrote it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConsoleScanner, type ConsoleSignal } from '../../src/console/index.js';

const FOLDER = join(import.meta.dirname, 'golden');

export interface Golden {
  name: string;
  headers: string;
  log: Buffer;
}

export function goldens(): Golden[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.log'))
    .sort()
    .map((file) => {
      const bytes = readFileSync(join(FOLDER, file));
      const end = bytes[0] === 0x0a ? 0 : bytes.indexOf('\n\n');
      return {
        name: file.slice(0, -4),
        headers: bytes.subarray(0, end).toString('utf8'),
        log: bytes.subarray(bytes[0] === 0x0a ? 1 : end + 2),
      };
    });
}

export function rewrite(golden: Golden, headers: string): void {
  writeFileSync(join(FOLDER, `${golden.name}.log`), Buffer.concat([Buffer.from(`${headers}\n\n`), golden.log]));
}

/** Scans a log in pieces of `pieceLength` bytes. */
export function scan(log: Uint8Array, pieceLength = log.length): ConsoleSignal[] {
  const scanner = new ConsoleScanner();
  const signals: ConsoleSignal[] = [];
  for (let at = 0; at < log.length; at += pieceLength)
    signals.push(...scanner.feed(log.subarray(at, at + pieceLength)));
  return [...signals, ...scanner.end()];
}

/** The signals as header lines, in the order of the log. */
export function describeSignals(signals: readonly ConsoleSignal[]): string {
  const lines: string[] = [];
  for (const signal of [...signals].sort((a, b) => a.line - b.line)) {
    if (signal.type === 'mark') {
      // A panic's mark repeats its finding.
      if (signal.kind === 'panic') continue;
      const detail =
        signal.kind === 'boot'
          ? ` ${signal.release} ${signal.how}`
          : signal.kind === 'ready'
            ? ` ${JSON.stringify(signal.json)}`
            : '';
      lines.push(`MARK: ${signal.kind}${detail}`);
      continue;
    }
    lines.push(`TITLE: ${signal.title}`, `SEVERITY: ${signal.severity}`, `IMPLIES: ${signal.implies ?? 'nothing'}`);
    if (signal.taint !== null) lines.push(`TAINT: ${signal.taint}`);
    if (signal.after !== null) lines.push(`AFTER: ${signal.after}`);
    if (signal.component !== null) {
      const { component, wrote, reads } = signal.component;
      lines.push(`COMPONENT: ${component}, wrote ${wrote ?? '?'}, reads ${reads.join(' ') || '?'}`);
    }
    if (signal.corrupted !== null) lines.push(`CORRUPTED: ${signal.corrupted}`);
  }
  return lines.join('\n');
}
