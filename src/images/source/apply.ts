// SPDX-License-Identifier: Apache-2.0
// Tries whether patches apply, on copies of the files that they touch, before a whole tree is copied and built.
import { copyFileSync, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeTemp, removeTemp } from '../../util/process/reaper.js';
import { overlaid, touchedBy } from '../abi/tree.js';
import { applyPatches, layOver } from '../build/tree.js';
import { type ImageContext, openWorkspace } from '../context.js';
import { readDefinition } from '../definition/definition.js';
import { ensureSource } from './source.js';

/** Throws DoesNotApply for the first patch that does not. Fetches the source if needed. */
export async function checkApplies(definitionFile: string, context: ImageContext): Promise<void> {
  const work = openWorkspace(context);
  const definition = readDefinition(definitionFile);
  const source = await ensureSource(definition, work);
  const { patches, overlay } = definition;
  const tree = makeTemp(join(tmpdir(), 'lab-apply-'));
  try {
    copyFiles(source.dir, tree, [...touchedBy(patches), ...overlaid(overlay)]);
    for (const each of overlay) layOver(each, tree);
    await applyPatches(patches, tree, definition.name, { work, task: 'apply the patches' });
  } finally {
    removeTemp(tree);
  }
}

/** Copies plain files of a source. What is not there, or is no plain file, is left out. */
export function copyFiles(from: string, to: string, paths: readonly string[]): void {
  for (const path of new Set(paths)) {
    const file = join(from, path);
    if (!existsSync(file) || !lstatSync(file).isFile()) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    copyFileSync(file, join(to, path));
  }
}
