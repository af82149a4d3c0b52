// SPDX-License-Identifier: Apache-2.0
// Chooses what to compile of a tree to get its types: one file that includes all headers of the handover's ABI, and
// sources that declare such structures themselves (before 7.1 KHO had no header for them). Also finds the defines with
// its versions.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What to look for. The caller knows the handover. */
export interface AbiWanted {
  /** Increased when the search changes. */
  recipe: number;
  /** Headers outside the ABI folder, used if the tree has them. */
  headers: readonly string[];
  /** May a structure of this name cross the kexec? */
  crosses: (structure: string) => boolean;
}

const ABI_FOLDER = 'include/linux/kho/abi';
export const PROBE = 'kernel/lab_abi_probe';
/** Folders that may contain a header `asm/x.h` or `linux/x.h`. */
const INCLUDE_FOLDERS = ['include', 'include/uapi', 'arch/x86/include', 'arch/x86/include/uapi'];

/** Sources of the handover itself. Anything else comes from a patch or an overlay. */
const OWN_PATHS = [
  /^(kernel|mm)\/(.*\/)?(kexec_handover\w*|memblock|\w*luo\w*|kho_\w+)\.[ch]$/,
  /^kernel\/liveupdate\/.*\.[ch]$/,
  /^include\/linux\/(kho\/.*|kexec_handover|kho_\w+)\.h$/,
];
const isOwn = (path: string): boolean => OWN_PATHS.some((pattern) => pattern.test(path));
/** Every source of a handler includes one of these. */
const USES_HANDOVER = /#\s*include\s*[<"]linux\/(kho\/|kexec_handover|liveupdate)/;
const DECLARES = /^(?:typedef[ \t]+)?(?:struct|union)[ \t]+(\w+)(?:[ \t]+__\w+)*[ \t]*\{/gm;
const DEFINES = /^[ \t]*#[ \t]*define[ \t]+\w*(?:COMPAT|VERSION)(?:[^\\\n]|\\.|\\\n)*/gm;
const MAX_SOURCES = 64;

export interface Probe {
  /** Objects to make, by path in the tree. The first is that of all headers. */
  objects: string[];
  /** Defines that may contain versions, as C. */
  defines: string;
}

/** Writes the probe into the tree and tells what to compile. `touched` lists files from patches or overlays. */
export function writeProbe(tree: string, touched: readonly string[], wanted: AbiWanted): Probe {
  const headers = [
    ...wanted.headers.filter((header) => INCLUDE_FOLDERS.some((folder) => existsSync(join(tree, folder, header)))),
    ...filesBelow(tree, ABI_FOLDER)
      .filter((path) => path.endsWith('.h'))
      .map((path) => path.slice('include/'.length)),
  ];
  writeFileSync(
    join(tree, `${PROBE}.c`),
    ['linux/types.h', ...headers].map((header) => `#include <${header}>\n`).join(''),
  );
  const own = ['kernel', 'mm', 'include/linux']
    .flatMap((folder) => filesBelow(tree, folder))
    .filter((path) => isOwn(path));
  const sources = new Map<string, string>();
  for (const path of new Set([...own, ...touched.filter((file) => /\.[ch]$/.test(file))])) {
    const text = textOf(join(tree, path));
    if (text !== null && (isOwn(path) || USES_HANDOVER.test(text) || path.startsWith(ABI_FOLDER)))
      sources.set(path, text);
  }
  const objects = [...sources]
    .filter(([path, text]) => path.endsWith('.c') && declares(text, wanted))
    .map(([path]) => path.replace(/\.c$/, '.o'));
  // Structures of a private header are seen by the first source that includes it.
  for (const [path, text] of sources) {
    if (!path.endsWith('.h') || path.startsWith('include/') || !declares(text, wanted)) continue;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const user = [...sources].find(([other, content]) => other.endsWith('.c') && content.includes(`"${name}"`));
    if (user !== undefined) objects.push(user[0].replace(/\.c$/, '.o'));
  }
  const defines = [...sources.values()].flatMap((text) => text.match(DEFINES) ?? []);
  return {
    objects: [`${PROBE}.o`, ...[...new Set(objects)].sort().slice(0, MAX_SOURCES)],
    defines: `${defines.join('\n')}\n`,
  };
}

function declares(text: string, wanted: AbiWanted): boolean {
  return [...text.matchAll(DECLARES)].some(([, name = '']) => wanted.crosses(name));
}

function filesBelow(tree: string, folder: string): string[] {
  if (!existsSync(join(tree, folder))) return [];
  return readdirSync(join(tree, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name}`)
    .sort();
}

function textOf(path: string): string | null {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, 'utf8') : null;
}
