// SPDX-License-Identifier: Apache-2.0
// Reads options from a kernel's configuration.

/** True if the option is built in. */
export function isSet(config: string, option: string): boolean {
  return valueOf(config, option) === 'y';
}

/** The text after `OPTION=`; null if the option is not set. */
export function valueOf(config: string, option: string): string | null {
  for (const line of config.split('\n')) if (line.startsWith(`${option}=`)) return line.slice(option.length + 1).trim();
  return null;
}
