// SPDX-License-Identifier: Apache-2.0
// `lab bundle`: a run to take along, as one file that `lab repro` opens on another host.
import { basename, relative } from 'node:path';
import { Command } from 'commander';
import { ensureKernel, findByHash, type ImageContext, resolveKernel } from '../../images/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { bytes } from '../../report/text/style.js';
import { packBundle } from '../../repro/bundle/pack.js';
import { LabError } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import { withContext } from '../interrupt.js';
import { runOfHost } from '../run/open-run.js';
import { labVersion } from '../version.js';

interface BundleOptions {
  output?: string;
  kernels?: boolean;
  symbols?: boolean;
  memory?: boolean;
  results: string;
  json?: boolean;
}

export function bundleCommand(): Command {
  return new Command('bundle')
    .description(
      'packs a run into one file: scenario, recipe, configurations, result, logs, what was handed over; `lab repro` opens it on another host',
    )
    .argument('<run>', 'a run: its folder, its name, or a part of its name')
    .option('--output <file>', 'where it goes; RUN.lab.tar.gz here without it')
    .option('--kernels', 'with the kernels, for hosts that cannot build the same ones')
    .option('--symbols', "with each kernel's vmlinux")
    .option('--memory', 'with the whole of the memory that was kept')
    .option('--results <dir>', 'folder of the results', 'results')
    .option('--json', 'print as JSON')
    .action((word: string, options: BundleOptions) =>
      withContext(async (context) => {
        const { folder, result } = runOfHost(options.results, word);
        const { images, missing } = await imagesOf(result.kernels, context);
        if ((options.kernels || options.symbols) && missing.length > 0)
          throw new LabError(`not here any more: ${missing.join(', ')}`, {
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
                `elsewhere: lab repro ${printable(basename(packed.path))}`,
                '',
              ].join('\n'),
        );
      }),
    );
}

/** The kernels of the run as they are here, to the byte. */
async function imagesOf(
  kernels: readonly { name: string; sha256: string }[],
  context: ImageContext,
): Promise<{ images: KernelImage[]; missing: string[] }> {
  const images = new Map<string, KernelImage>();
  const missing = new Set<string>();
  for (const { name, sha256 } of kernels) {
    const image = images.get(sha256) ?? (await findByHash(sha256, context)) ?? (await readyMade(name, sha256, context));
    if (image === null) missing.add(name);
    else images.set(sha256, image);
  }
  return { images: [...images.values()], missing: [...missing] };
}

async function readyMade(name: string, sha256: string, context: ImageContext): Promise<KernelImage | null> {
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
