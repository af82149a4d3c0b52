// SPDX-License-Identifier: Apache-2.0
// `lab images`: lists, builds and removes kernels, user spaces and the root file system.
import { Command } from 'commander';
import {
  buildableNames,
  defineWithConfig,
  describeConfig,
  ensureKernel,
  ensureRootFs,
  ensureUserspace,
  type Extent,
  type ImageContext,
  type ImageDetails,
  listImages,
  type Removed,
  removeImage,
  resolveKernel,
  ROOTFS_NAME,
  showImage,
  userspaceDefinition,
  userspaceOf,
} from '../../images/index.js';
import type { KernelImage, RootFs, Userspace } from '../../model/kernel/image.js';
import { UsageError } from '../../util/errors.js';
import { runStages, type Task } from '../../report/live/progress.js';
import { bytes } from '../../report/text/style.js';
import { printable } from '../../util/text/escape.js';
import { keepsCache, withContext } from '../common/interrupt.js';
import { jobs } from '../common/option-values.js';
import { showAll } from '../common/show-progress.js';
import { addAvailableCommand } from '../images/available.js';
import { addStoreCommands } from '../images/store-commands.js';
import { componentsText, listText, stateText } from '../text/images.js';
import { table } from '../text/table.js';

interface JsonOption {
  json?: boolean;
}

interface BuildOptions extends JsonOption {
  jobs?: number;
  core?: boolean;
  configOf?: string;
}

export function createCommand(): Command {
  const command = new Command('images').description(
    'lists, builds, shares and removes kernels, user spaces and the root file system',
  );
  command
    .command('list')
    .description('lists all images by name')
    .option('--json', 'print as JSON')
    .action((options: JsonOption) =>
      withContext(async (context) => print(await listImages(context), options, listText)),
    );
  command
    .command('build')
    .description('fetches and builds images that are not in the cache yet')
    .argument(
      '[name...]',
      `kernels by name or path, ${ROOTFS_NAME}, or userspace/NAME; without arguments, all that ship with the lab`,
    )
    .option('--jobs <n>', 'run at most this many build processes at once', jobs)
    .option('--core', 'accept the small variant of a kernel, for scenarios without guests and devices')
    .option('--config-of <file>', 'build the kernel with the configuration in this file, such as a distribution has')
    .option('--json', 'print as JSON; progress goes to standard error')
    .action((names: string[], options: BuildOptions) =>
      withContext(async (context) => {
        keepsCache();
        const extent = options.core === true ? 'core' : 'full';
        const selected = options.configOf === undefined ? names : [withConfig(names, options.configOf, context)];
        print(await build(selected, { ...context, jobs: options.jobs }, extent), options, builtText);
      }),
    );
  command
    .command('show')
    .description('shows everything about an image')
    .argument('<name...>', 'kernels by name or path, rootfs, or userspace/NAME')
    .option('--json', 'print as JSON')
    .action((names: string[], options: JsonOption) =>
      withContext(async (context) => {
        const details: ImageDetails[] = [];
        for (const name of names) details.push(await showImage(name, context));
        print(details.length === 1 ? details[0] : details, options, () => details.map(detailsText).join('\n'));
      }),
    );
  command
    .command('rm')
    .description('removes images from the cache; they can be built again at any time')
    .argument('<name...>', 'kernels by name, rootfs, or userspace/NAME')
    .option('--sources', 'remove their source trees, too; the next build fetches them again')
    .option('--json', 'print as JSON')
    .action((names: string[], options: JsonOption & { sources?: boolean }) =>
      withContext(async (context) => {
        const removed: Removed[] = [];
        for (const name of names) removed.push(await removeImage(name, context, { sources: options.sources === true }));
        print(removed, options, () =>
          removed
            .map(
              (one) => `${one.name}: ${one.paths.length === 0 ? 'is not in the cache' : `${bytes(one.bytes)} freed`}\n`,
            )
            .join(''),
        );
      }),
    );
  addAvailableCommand(command);
  addStoreCommands(command);
  return command;
}

function print<T>(data: T, options: JsonOption, text: (data: T) => string): void {
  process.stdout.write(options.json ? `${JSON.stringify(data, null, 2)}\n` : text(data));
}

function withConfig(names: readonly string[], file: string, context: ImageContext): string {
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw new UsageError('--config-of needs one kernel, whose source it takes', {
      hint: `lab images build 7.3.4 --config-of ${file}`,
    });
  return defineWithConfig(name, file, context);
}

interface Built {
  name: string;
  image: KernelImage | RootFs | Userspace;
}

/** Checks all names before anything is fetched. */
async function build(names: readonly string[], context: ImageContext, extent: Extent): Promise<Built[]> {
  const selected = names.length > 0 ? [...new Set(names)] : [...buildableNames(), ROOTFS_NAME];
  const built: Built[] = [];
  await runStages(
    selected
      .map((name) => ({ name, ...wantedImage(name, extent) }))
      .map(({ name, title, ensure }) => ({
        title,
        run: async (task: Task) => {
          built.push({ name, image: await ensure({ ...context, ...showAll(task) }) });
        },
      })),
    process.stderr,
  );
  return built;
}

/** Throws a UsageError if there is no image of this name. */
function wantedImage(
  name: string,
  extent: Extent,
): { title: string; ensure: (context: ImageContext) => Promise<Built['image']> } {
  if (name === ROOTFS_NAME) return { title: 'root file system', ensure: ensureRootFs };
  const userspace = userspaceOf(name);
  if (userspace !== null) {
    userspaceDefinition(userspace);
    return { title: `user space ${userspace}`, ensure: (context) => ensureUserspace(userspace, context) };
  }
  resolveKernel(name);
  return { title: `kernel ${name}`, ensure: (context) => ensureKernel(name, context, extent) };
}

function builtText(built: readonly Built[]): string {
  return table(
    ['NAME', 'RELEASE', 'FILE'],
    built.map(({ name, image }) =>
      'bzImage' in image ? [name, image.release ?? '-', image.bzImage] : [name, '-', image.path],
    ),
  );
}

function detailsText(details: ImageDetails): string {
  const { image, definition, built } = details;
  const rows: [string, string][] = [
    ['name', details.name],
    ['state', details.problem ?? stateText(details)],
  ];
  if (details.description) rows.push(['about', details.description]);
  if (image && 'bzImage' in image) {
    rows.push(
      ['release', image.release ?? 'not in the image'],
      ['components', componentsText(image.components)],
      ['bzImage', image.bzImage],
    );
    for (const [key, path] of [
      ['vmlinux', image.vmlinux],
      ['config', image.config],
      ['System.map', image.systemMap],
    ] as const)
      rows.push([key, path ?? '-']);
    rows.push(['sha256', image.sha256]);
  } else if (image) {
    rows.push(['file', image.path], ['size', bytes(image.size)], ['sha256', image.sha256]);
  }
  if (details.small?.image) rows.push(['small variant', details.small.image.bzImage]);
  if (built)
    rows.push(
      ['source', built.source],
      ['compiler', built.compiler],
      ['built', `${built.builtAt}, in ${built.seconds} s`],
    );
  if (details.sourceTree) rows.push(['source tree', details.sourceTree]);
  if (definition) {
    rows.push(['definition', definition.file]);
    if (definition.configOf) rows.push(['configuration', describeConfig(definition.configOf)]);
    for (const file of definition.config) rows.push(['fragment', file]);
    for (const file of definition.patches) rows.push(['patch', file]);
    for (const file of definition.overlay) rows.push(['overlay', file]);
  }
  for (const note of details.notes) rows.push(['note', note]);
  const width = Math.max(...rows.map(([key]) => key.length));
  return rows.map(([key, value]) => `${key.padEnd(width)}  ${printable(value)}\n`).join('');
}
