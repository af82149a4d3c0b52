// SPDX-License-Identifier: Apache-2.0
// Reads fragments of a kernel configuration, and checks that the finished configuration has their options.
import { readFileSync } from 'node:fs';
import { LabError, UsageError } from '../../util/errors.js';

export interface RequestedOption {
  /** With the prefix CONFIG_. */
  name: string;
  /** y, m, n, a number, or a string in quotation marks, as in the fragment. */
  value: string;
  file: string;
  line: number;
}

export function parseFragment(text: string, file: string): RequestedOption[] {
  return text.split('\n').flatMap((raw, index): RequestedOption[] => {
    const line = raw.trim();
    const unset = /^# (CONFIG_\w+) is not set$/.exec(line);
    if (unset?.[1]) return [{ name: unset[1], value: 'n', file, line: index + 1 }];
    if (line === '' || line.startsWith('#')) return [];
    const set = /^(CONFIG_\w+)=(y|m|n|-?\d+|0x[0-9a-fA-F]+|"(?:[^"\\]|\\.)*")$/.exec(line);
    if (!set?.[1] || !set[2]) {
      throw new UsageError(`${file}:${index + 1}: expected CONFIG_NAME=VALUE or "# CONFIG_NAME is not set"`);
    }
    return [{ name: set[1], value: set[2], file, line: index + 1 }];
  });
}

export function readFragment(file: string): { text: string; options: RequestedOption[] } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`cannot read the configuration fragment ${file}: ${(cause as Error).message}`, { cause });
  }
  return { text, options: parseFragment(text, file) };
}

/** If an option occurs twice, the later fragment wins. */
export function effectiveOptions(options: readonly RequestedOption[]): RequestedOption[] {
  return [...new Map(options.map((option) => [option.name, option])).values()];
}

export function parseConfig(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (line.startsWith('CONFIG_') && at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  return values;
}

export interface Unmet extends RequestedOption {
  /** The value in the finished configuration; n if the option is missing. */
  got: string;
}

/** Returns the options that do not have the requested value. */
export function unmetOptions(asked: readonly RequestedOption[], config: string): Unmet[] {
  const values = parseConfig(config);
  return effectiveOptions(asked).flatMap((option) => {
    const got = values.get(option.name) ?? 'n';
    return sameValue(got, option.value) ? [] : [{ ...option, got }];
  });
}

function sameValue(a: string, b: string): boolean {
  if (a === b) return true;
  const number = /^(-?\d+|0x[0-9a-fA-F]+)$/;
  return number.test(a) && number.test(b) && Number(a) === Number(b);
}

/** Throws an error that lists every option without its requested value. */
export function checkConfig(asked: readonly RequestedOption[], config: string, kernel: string): void {
  const unmet = unmetOptions(asked, config);
  const [first] = unmet;
  if (!first) return;
  const lines = unmet.map(
    (o) => `${o.file}:${o.line}: ${o.name}=${o.value} was requested, but the kernel's configuration has ${o.got}`,
  );
  const subject =
    unmet.length === 1
      ? `${first.name}=${first.value} (${first.file}:${first.line}) is`
      : `${unmet.length} options are`;
  throw new LabError(`kernel ${kernel}: ${subject} not set as requested`, {
    detail: lines.slice(0, 30).join('\n'),
    hint: 'the option may have another name in this version, or depend on one that is off: see Kconfig in the source',
  });
}
