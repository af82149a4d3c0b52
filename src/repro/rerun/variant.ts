// SPDX-License-Identifier: Apache-2.0
// A kernel with some configuration options changed: a definition in the cache that is based on another one.
import { basename } from 'node:path';
import { type ImageContext, openWorkspace, resolveKernel, writeVariant } from '../../images/index.js';
import { UsageError } from '../../util/errors.js';

/** A configuration option, and the kernels of the run that get it. */
export interface ConfigOption {
  of: 'both' | 'from' | 'to';
  /** `CONFIG_KASAN=y`. */
  line: string;
}

const FORM = /^(?:(from|to):)?(?:CONFIG_)?([A-Z0-9_]{1,100})=(y|n|-?\d{1,20}|0x[0-9a-fA-F]{1,16}|"[^"\\\n]{0,200}")$/;

/** Reads `KASAN=y`, `CONFIG_KASAN=y`, `to:KASAN=y`. Throws a UsageError for anything else. */
export function parseConfigOption(text: string): ConfigOption {
  const [, of = 'both', name, value] = FORM.exec(text) ?? [];
  if (name === undefined)
    throw new UsageError(
      `--config-option ${text}: expected NAME=VALUE such as KASAN=y; from: or to: before it selects one kernel`,
    );
  return { of: of as ConfigOption['of'], line: `CONFIG_${name}=${value}` };
}

/** Path of the definition of `kernel` with these options; `kernel` itself without options. Builds nothing. */
export function withOptions(kernel: string, lines: readonly string[], context: ImageContext): string {
  if (lines.length === 0) return kernel;
  const resolved = resolveKernel(kernel);
  if (resolved.kind !== 'definition' || resolved.definition.prebuilt !== null)
    throw new UsageError(`${kernel} is a ready-made kernel, so its configuration cannot be changed`, {
      hint: 'name a kernel that the lab builds (lab images list)',
    });
  return writeVariant(
    resolved.definition.file,
    `${basename(resolved.definition.name)}-with`,
    lines,
    openWorkspace(context),
  );
}

export function optionsFor(options: readonly ConfigOption[], of: 'from' | 'to'): string[] {
  return options.filter((option) => option.of === 'both' || option.of === of).map(({ line }) => line);
}
