// SPDX-License-Identifier: Apache-2.0
// Makes a kernel without modules from the configuration of a distribution. The lab's machine boots from what is built
// in, so each option is y or n: the fragments say which modules of the distribution the machine needs.
import { LabError } from '../../util/errors.js';
import { parseConfig, type RequestedOption } from '../build/fragment.js';

/** Increased when the same configuration would give another kernel. */
export const RULES = 1;

/** Every configuration of an x86-64 kernel that can kexec says these. */
const SIGNS = ['CONFIG_X86_64', 'CONFIG_KEXEC_CORE'];

/** Turns modules off, and drops what the fragments say anyway. */
export function builtIn(text: string, asked: readonly RequestedOption[]): string {
  const said = new Set(asked.map(({ name }) => name));
  return text
    .split('\n')
    .filter((line) => !said.has(/CONFIG_\w+/.exec(line)?.[0] ?? ''))
    .map((line) => line.replace(/^(CONFIG_\w+)=m$/, '# $1 is not set'))
    .join('\n');
}

/** How make reads an option from a finished configuration. */
export function configLine({ name, value }: RequestedOption): string {
  return value === 'n' ? `# ${name} is not set` : `${name}=${value}`;
}

/** Throws an error if a text is not a finished configuration for the lab's machine. */
export function checkStart(text: string, from: string): void {
  const values = parseConfig(text);
  if (values.size === 0)
    throw new LabError(`${from} is not the configuration of a kernel: it has no line CONFIG_NAME=VALUE`);
  const missing = SIGNS.filter((name) => values.get(name) !== 'y');
  if (missing.length > 0)
    throw new LabError(`${from} lacks ${missing.map((name) => `${name}=y`).join(' and ')}`, {
      hint: 'the lab needs the configuration of an x86-64 kernel that has kexec',
    });
}
