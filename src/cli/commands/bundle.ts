// SPDX-License-Identifier: Apache-2.0
// `lab bundle`: packs a run into one file, which `lab repro` opens on another host.
import { basename, relative } from 'node:path';
import { Command } from 'commander';
import { ensureKernel, findByHash, type ImageContext, resolveKernel } from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { bytes } from '../../report/text/style.js';
import { packBundle } from '../../repro/bundle/pack.js';
import { LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { withContext } from '../common/interrupt.js';
import { type OpenRun, runOfHost } from '../run/open-run.js';
import { labVersion } from '../common/version.js';

interface BundleOptions {
  output?: string;
  kernels?: boolean;
  symbols?: boolean;
  memory?: boolean;
  results: string;
  json?: boolean;
}

export function createCommand(): Command {
  return new Command('bundle')
    .description(
      'packs a run into one file: scenario, recipe, configurations, result, logs and handover; ' +
        '`lab repro` opens it on another host',
    )
    .argument('<run>', 'a run: its folder, its name, or a part of its name')
    .option('--output <file>', 'write to this file; RUN.lab.tar.gz in this folder by default')
    .option('--kernels', 'include the kernels, for hosts that cannot build the same ones')
    .option('--symbols', "include each kernel's vmlinux")
    .option('--memory', 'include all memory that was kept')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print as JSON')
    .action((word: string, options: BundleOptions) =>
      withContext(async (context) => {
        const { folder, result, mayResolveKernel } = runOfHost(options.results, word);
        const { images, missing } = await imagesOf(result.kernels, mayResolveKernel, context);
        if ((options.kernels || options.symbols) && missing.length > 0)
          throw new LabError(`these kernels are no longer on this host: ${missing.join(', ')}`, {
            hint: 'bundle it without --kernels and --symbols',
          });
        const packed = await packBundle(folder, images, {
          output: options.output ?? `${basename(folder)}.lab.tar.gz`,
          labVersion: labVersion(),
          signal: context.signal,
          memory: options.memory === true,
          kernels: options.kernels === true,
          symbols: options.symbols === true,
        });
        const shown = relative('.', packed.path) || packed.path;
        process.stdout.write(
          options.json
            ? `${JSON.stringify(packed, null, 2)}\n`
            : [
                `${printable(shown)}  ${bytes(packed.bytes)}, ${packed.files.length} files`,
                ...packed.files.map(({ path, size }) => `  ${path}  ${bytes(size)}`),
                `on another host: lab repro ${printable(basename(packed.path))}`,
                '',
              ].join('\n'),
        );
      }),
    );
}

/** The kernels of the run, to the byte, as far as this host has them. */
async function imagesOf(
  kernels: readonly { name: string; sha256: string }[],
  mayResolveKernel: OpenRun['mayResolveKernel'],
  context: ImageContext,
): Promise<{ images: KernelImage[]; missing: string[] }> {
  const images = new Map<string, KernelImage>();
  const missing = new Set<string>();
  for (const { name, sha256 } of kernels) {
    const image =
      images.get(sha256) ??
      (await findByHash(sha256, context)) ??
      (mayResolveKernel(name) ? await prebuiltByHash(name, sha256, context) : null);
    if (image === null) missing.add(name);
    else images.set(sha256, image);
  }
  return { images: [...images.values()], missing: [...missing] };
}

/** A kernel that needs no build, if its name still means the same bytes. */
async function prebuiltByHash(name: string, sha256: string, context: ImageContext): Promise<KernelImage | null> {
  try {
    const resolved = resolveKernel(name);
    if (resolved.kind === 'definition' && resolved.definition.prebuilt === null) return null;
    const image = await ensureKernel(name, context);
    return image.sha256 === sha256 ? image : null;
  } catch (error) {
    if (error instanceof LabError) return null;
    throw error;
  }
}
