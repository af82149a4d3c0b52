// SPDX-License-Identifier: Apache-2.0
// A kernel of the lab with the configuration in a file: `lab images build NAME --config-of FILE`.
import { basename } from 'node:path';
import { messageOf, UsageError } from '../../util/errors.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';
import { type ImageContext, openWorkspace } from '../context.js';
import { resolveKernel } from '../definition/resolve.js';
import { writeConfigVariant } from '../definition/variant.js';
import { checkStart } from './built-in.js';
import { MAX_CONFIG_BYTES } from './starting-config.js';

/**
 * Writes a definition of that kernel. Fetches and builds nothing.
 * @param name of the kernel whose source it takes
 * @returns path of the definition
 */
export function defineWithConfig(name: string, file: string, context: ImageContext): string {
  const base = resolveKernel(name);
  if (base.kind === 'files' || base.definition.prebuilt !== null)
    throw new UsageError(`${name} is ready-made: there is no source to build with the configuration in ${file}`);
  let text: string;
  try {
    text = readRegularFileSync(file, { maxBytes: MAX_CONFIG_BYTES }).toString('utf8');
  } catch (cause) {
    throw new UsageError(`cannot read the configuration ${file}: ${messageOf(cause)}`, { cause });
  }
  checkStart(text, file);
  return writeConfigVariant(base.definition, text, basename(file), openWorkspace(context));
}
