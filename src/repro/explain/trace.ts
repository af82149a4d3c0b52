// SPDX-License-Identifier: Apache-2.0
// The stack trace of a console report, with file and line of each call.
import { readFileSync } from 'node:fs';
import { ensureSymbols, findByHash, findSymbols, type ImageContext } from '../../images/index.js';
import type { Explanation, Frame } from '../../model/result/explanation.js';
import type { KernelOfResult, Result } from '../../model/result/result.js';
import { readSymbols } from '../../images/abi/handover-format.js';
import { LabError, messageOf } from '../../util/errors.js';
import { mustRun } from '../../util/process/command.js';

const MAX_FRAMES = 64;
const FRAME = /^(?:\[[ \d.]+\])?\s*(RIP: \w+:)?\s*(\? )?([A-Za-z_][\w.]*)\+0x([0-9a-f]{1,8})\/0x[0-9a-f]{1,8}/;

interface FramePosition {
  /** True for the instruction that failed; other frames point to where a call returns. */
  exact: boolean;
}

export interface TraceInput {
  /** The user can type this to name the run or its bundle. */
  name: string;
  result: Result;
  buildSymbols: boolean;
  mayResolveKernel: (kernel: string) => boolean;
}

/** The stack trace of the report that decided, else of the first report that has one. */
export async function traceOf(
  { name, result, buildSymbols, mayResolveKernel }: TraceInput,
  kernel: KernelOfResult,
  notes: string[],
  context: ImageContext,
): Promise<Explanation['trace']> {
  const report = [result.cause, ...result.incidents].find(
    (incident) => incident !== null && framesOf(incident.detail).length > 0,
  );
  const frames = framesOf(report?.detail ?? '');
  const plain = frames.map(shownFrame);
  if (frames.length === 0) return { frames: [], why: null };
  try {
    const image = await findByHash(kernel.sha256, context);
    if (image === null || image.systemMap === null || !mayResolveKernel(kernel.name))
      return { frames: plain, why: `exactly this ${kernel.name} is not on this host, so there are no lines` };
    const symbols = buildSymbols
      ? await ensureSymbols(kernel.name, image, context)
      : await findSymbols(kernel.name, image, context);
    if (symbols === null)
      return {
        frames: plain,
        why: `file and line need symbols: lab show ${name} --explain --symbols   builds them in a few minutes`,
      };
    if (!symbols.lines || symbols.vmlinux === null) return { frames: plain, why: symbols.why };
    return {
      frames: (await withLines(frames, symbols.vmlinux, image.systemMap, context.signal)).map(shownFrame),
      why: null,
    };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof LabError)) throw error;
    notes.push(messageOf(error));
    return { frames: plain, why: 'no lines' };
  }
}

function shownFrame({ function: name, offset, unsure, lines }: Frame): Frame {
  return { function: name, offset, unsure, lines };
}

/**
 * Frames in the order of the report, innermost first.
 * @param text text of the console
 */
export function framesOf(text: string): (Frame & FramePosition)[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const [, rip, unsure, name = '', offset = '0'] = FRAME.exec(line) ?? [];
      return name === ''
        ? []
        : [
            {
              function: name,
              offset: parseInt(offset, 16),
              unsure: unsure !== undefined,
              lines: [],
              exact: rip !== undefined,
            },
          ];
    })
    .slice(0, MAX_FRAMES);
}

/**
 * Adds file and line.
 * @param vmlinux has debug information, and the same addresses as the kernel
 * @param systemMap of the same kernel
 */
export async function withLines(
  frames: readonly (Frame & FramePosition)[],
  vmlinux: string,
  systemMap: string,
  signal: AbortSignal,
): Promise<Frame[]> {
  const symbols = readSymbols(readFileSync(systemMap, 'latin1'));
  const addresses = frames.map(({ function: name, offset, exact }) => {
    const start = symbols.get(name);
    // A call returns to the instruction after it, which may belong to another line.
    return start === undefined ? null : start + BigInt(exact || offset === 0 ? offset : offset - 1);
  });
  const known = addresses.filter((address) => address !== null).map((address) => `0x${address.toString(16)}`);
  if (known.length === 0) return [...frames];
  const { stdout } = await mustRun(
    ['addr2line', '-a', '-i', '-e', vmlinux, ...known],
    'the lines of the stack trace cannot be read',
    { signal },
  );
  const found = linesByAddress(stdout);
  return frames.map((frame, i) => ({ ...frame, lines: found.get(addresses[i] ?? -1n) ?? [] }));
}

/** Reads the output of `addr2line -a -i`: each address, followed by its lines, innermost first. */
export function linesByAddress(text: string): Map<bigint, string[]> {
  const found = new Map<bigint, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    if (/^0x[0-9a-f]+$/.test(line)) found.set(BigInt(line), (current = []));
    else if (line !== '' && !line.startsWith('??')) current.push(inTree(line));
  }
  return found;
}

/** The path within the source tree; the folder of the build does not matter. */
function inTree(path: string): string {
  return path
    .replace(/ \(discriminator \d+\)$/, '')
    .replace(/^.*\/built\/[^/]+\//, '')
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/\.\//g, '/');
}
