// SPDX-License-Identifier: Apache-2.0
// Files of kernels that somebody else may have built: ELF, DWARF, bzImage, System.map, configuration, definitions.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseComponent } from '../../../src/compat/binary/component.js';
import { switchOf, valuesOf } from '../../../src/compat/binary/cmdline.js';
import { isSet, valueOf } from '../../../src/compat/binary/config.js';
import { memoryLimit } from '../../../src/compat/binary/kernel-size.js';
import { parseVersions, versionsOfImage } from '../../../src/compat/binary/sections.js';
import {
  collectDefines,
  crossingStructures,
  debugSections,
  fromMemory,
  readElf,
  readTypes,
  symbolsOf,
  versionsFromDefines,
} from '../../../src/compat/index.js';
import { readSymbols } from '../../../src/images/abi/handover-format.js';
import { touchedBy } from '../../../src/images/abi/tree.js';
import { runtimeOf } from '../../../src/images/binary/boot-facts.js';
import { readBzImage } from '../../../src/images/binary/bzimage.js';
import { scanBzImage, scanVmlinux } from '../../../src/images/binary/components.js';
import { readDefinition } from '../../../src/images/definition/definition.js';
import { ABI_HEADER } from '../../compat/binary/objects.js';
import { fakeBzImage } from '../../images/binary/make-bzimage.js';
import { mutateBytes, mutateText } from '../mutate/bytes.js';
import { yamlMutator } from '../mutate/tree.js';
import { parse as parseYaml } from 'yaml';
import type { Target } from '../target.js';
import { asFile, filesOf, ROOT, workFolder } from './samples.js';

const SOURCE = `${ABI_HEADER}
struct luo_ser a; struct memfd_luo_ser b; struct plain_thing c; struct kho_vmalloc d;
__attribute__((section(".liveupdate_versions"))) const char versions[] = "kho-v4\\0luo-v5\\0memfd-v2";
int _text; int _end; int vmemmap_base = 7; int use(int x) { return x + a.compatible[0]; }
`;

let compiled: Buffer[] | null = null;

/** Objects with and without debug information. */
function objects(): Buffer[] {
  if (compiled === null) {
    const path = asFile('a.c', Buffer.from(SOURCE));
    compiled = [['-gdwarf-5'], ['-gdwarf-4'], ['-g0']].map((flags) => {
      const out = join(workFolder(), 'a.o');
      execFileSync('gcc', ['-c', '-fno-eliminate-unused-debug-types', ...flags, '-o', out, path]);
      return readFileSync(out);
    });
  }
  return compiled;
}

function elf(input: Buffer): void {
  const source = fromMemory(input);
  const read = readElf(source);
  symbolsOf(source, ['_text', '_end', 'vmemmap_base']);
  versionsOfImage(source);
  const sections = debugSections(read);
  if (sections !== null) crossingStructures(readTypes(sections));
}

function texts(input: Buffer): void {
  const text = input.toString('utf8');
  for (const name of ['liveupdate', 'kho', 'mem', 'crashkernel']) {
    valuesOf(text, name);
    switchOf(text, name);
  }
  memoryLimit(text);
  isSet(text, 'CONFIG_KEXEC_HANDOVER');
  valueOf(text, 'CONFIG_LOCALVERSION');
  versionsFromDefines(collectDefines(text));
  readSymbols(text);
  runtimeOf(text);
  parseVersions(input);
  for (const word of text.split(/\s+/).slice(0, 50)) quiet(() => parseComponent(word));
}

function quiet(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if ((error as Error).name !== 'ComponentError') throw error;
  }
}

const TEXTS = [
  'console=ttyS0 kho=on liveupdate=on mem=600M kho_scratch=8M,72M,0 panic=1 "a b"',
  'CONFIG_KEXEC_HANDOVER=y\n# CONFIG_LIVEUPDATE is not set\nCONFIG_LOCALVERSION="-lab"\n',
  '#define KHO_FDT_COMPATIBLE "kho-v4"\n#define LUO_ABI_COMPATIBLE "luo-v5" \\\n "x"\n#define A B\n',
  'ffffffff81000000 T _text\nffffffff81000000 T _stext\nffffffff82a0c000 D vmemmap_base\nffffffff83000000 B _end\n',
  'kho-v4\0luo-v5\0memfd-v2\0object-v2;pages-v1;array-v1\0',
].map((text) => Buffer.from(text));
const bzImages = () => [
  fakeBzImage({ payload: gzipSync('luo-v5\0kho-v4\0memfd-v2\0') }),
  fakeBzImage({ payload: Buffer.from('nothing') }),
];
const DEFINITIONS = () => filesOf('images/kernels', '.yaml');

/** The file lies where the paths of shipped definitions lead somewhere. */
function definition(input: Buffer): void {
  const images = join(workFolder(), 'images');
  if (!existsSync(images)) {
    mkdirSync(join(images, 'kernels'), { recursive: true });
    for (const name of readdirSync(join(ROOT, 'images')))
      if (name !== 'kernels') symlinkSync(join(ROOT, 'images', name), join(images, name));
  }
  readDefinition(asFile('images/kernels/fuzzed.yaml', input));
}

const patchSeeds = () => filesOf('images', '.patch', 20_000).slice(0, 4);

export const IMAGES: readonly Target[] = [
  { name: 'elf', seeds: objects, mutate: mutateBytes, maxBytes: 65536, parse: elf, weight: 4 },
  { name: 'kernel-texts', seeds: () => TEXTS, mutate: mutateText, maxBytes: 65536, parse: texts, weight: 2 },
  {
    name: 'bzimage',
    seeds: bzImages,
    mutate: mutateBytes,
    maxBytes: 65536,
    parse: (input) => readBzImage(asFile('bzImage', input)),
    weight: 1,
  },
  {
    name: 'bzimage-payload',
    seeds: bzImages,
    mutate: mutateBytes,
    maxBytes: 16384,
    parse: (input) => scanBzImage(asFile('bzImage', input)),
    weight: 0.2,
  },
  {
    name: 'vmlinux',
    seeds: objects,
    mutate: mutateBytes,
    maxBytes: 65536,
    parse: (input) => scanVmlinux(asFile('vmlinux', input)),
    weight: 0.2,
  },
  {
    name: 'kernel-definition',
    seeds: DEFINITIONS,
    mutate: yamlMutator(parseYaml),
    maxBytes: 16384,
    parse: definition,
    weight: 0.3,
  },
  {
    name: 'patch',
    seeds: () => [Buffer.from('--- a/kernel/x.c\n+++ b/kernel/x.c\n@@ -1 +1 @@\n-a\n+b\n'), ...patchSeeds()],
    mutate: mutateText,
    maxBytes: 65536,
    parse: (input) => touchedBy([asFile('a.patch', input)]),
    weight: 1,
  },
];
