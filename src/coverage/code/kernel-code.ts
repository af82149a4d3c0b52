// SPDX-License-Identifier: Apache-2.0
// Everything that can run in a kernel's live update code: its functions, basic blocks, branches, and, if its debug
// information is there, its source lines.
import { z } from 'zod';
import {
  debugSections,
  FormatError,
  type FunctionSymbol,
  readElf,
  readFunctions,
  readLineUnits,
} from '../../compat/index.js';
import { withFile } from '../../images/binary/section.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { CodeAddress } from '../../model/result/coverage.js';
import { contains, type WatchedCode } from '../log/coverage-log.js';
import { disassemble } from './disassembly.js';
import { address, type SourceFile, sourceFile, sourceFiles } from './source-files.js';
import { low, symbolsOfImage } from '../log/watched-code.js';

export const kernelCode = z.object({
  schema: z.literal(1),
  name: z.string(),
  sha256: z.string(),
  /** Functions as they lie in memory: a function and its cold part are two with one name. */
  functions: z.array(z.object({ name: z.string(), file: z.string(), start: address, end: address })),
  blocks: z.array(address),
  branches: z.array(z.tuple([address, address, address])),
  /** Null without debug information. */
  files: z.array(sourceFile).nullable(),
});
export type KernelCode = z.infer<typeof kernelCode>;
export type CodeFunction = KernelCode['functions'][number];

/** The compiler's names for parts of a function. */
const PART = /\.(?:cold|part|constprop|isra|llvm)(?:\.\d+)*/g;
export const baseName = (name: string): string => name.replace(PART, '');

/**
 * Reads a kernel's code.
 * @param vmlinux without debug information
 * @param described the same kernel with debug information; null if there is none
 */
export async function readKernelCode(
  image: KernelImage & { vmlinux: string },
  code: WatchedCode,
  described: string | null,
  signal: AbortSignal,
): Promise<KernelCode> {
  const { blocks, branches } = await disassemble(image.vmlinux, code.ranges, signal);
  return {
    schema: 1,
    name: image.name,
    sha256: image.sha256,
    functions: functionsIn(symbolsOfImage(image) ?? [], code),
    blocks,
    branches,
    files: described === null ? null : linesOf(described, code),
  };
}

/** The file of a global function is that of the local one before it: those of one file lie side by side. */
function functionsIn(symbols: readonly FunctionSymbol[], { ranges }: WatchedCode): CodeFunction[] {
  const watched = symbols
    .filter(({ address: at, size, name }) => size > 0 && !name.startsWith('__pfx_') && contains(ranges, low(at)))
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  let file = watched.find((each) => each.file !== null)?.file ?? '?';
  return watched.map(({ name, address: at, size, file: own }) => {
    file = own ?? file;
    return { name: baseName(name), file, start: low(at), end: low(at) + size };
  });
}

function linesOf(vmlinux: string, { ranges }: WatchedCode): SourceFile[] {
  return withFile(vmlinux, (source) => {
    const sections = debugSections(readElf(source));
    if (sections === null) throw new FormatError(`${vmlinux} has no debug information`);
    const units = readLineUnits(sections, (at: CodeAddress) => contains(ranges, at));
    return sourceFiles(units, readFunctions(sections, new Set(units.map(({ at }) => at))));
  });
}
