// SPDX-License-Identifier: Apache-2.0
// The part of the root file system that a live update alone needs: init and the agent, without the SSH server, its
// shell and what guests run. The next kernel's initramfs is hashed twice on its way there (kernel/kexec_file.c and
// arch/x86/purgatory/purgatory.c), which takes an emulated processor a tenth of a second for each megabyte.
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { RootFs } from '../model/kernel/image.js';
import { readJson } from '../util/read-json.js';
import { replaceFile } from '../util/replace-file.js';
import { sha256, writeJson } from './cache/cache.js';
import { selectCpio } from './build/cpio.js';

/** Increased when another part is taken. */
const RECIPE = 1;
/** Folders, devices, configuration, and these programs. */
const PROGRAMS: ReadonlySet<string> = new Set(['init', 'bin/agent']);

const storedSchema = z.object({
  recipe: z.literal(RECIPE),
  /** The archive that it was taken from. */
  of: z.string(),
  sha256: z.string(),
  size: z.number(),
});

/** Takes it from the whole archive, once: it is kept beside that. */
export function coreRootFs(whole: RootFs): RootFs {
  const folder = dirname(whole.path);
  const [path, about] = [join(folder, 'core.cpio'), join(folder, 'core.json')];
  const from = whole.from === undefined ? {} : { from: whole.from };
  const stored = readJson(about, storedSchema);
  if (stored?.of === whole.sha256 && statSync(path, { throwIfNoEntry: false })?.size === stored.size)
    return { path, sha256: stored.sha256, size: stored.size, ...from };
  const archive = selectCpio(
    readFileSync(whole.path),
    ({ path: name, kind }) =>
      kind === 'dir' || kind === 'char' || (kind === 'file' && (name.startsWith('etc/') || PROGRAMS.has(name))),
  );
  const made = { sha256: sha256(archive), size: archive.length };
  replaceFile(path, archive);
  writeJson(about, { recipe: RECIPE, of: whole.sha256, ...made });
  return { path, ...made, ...from };
}
