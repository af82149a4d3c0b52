// SPDX-License-Identifier: Apache-2.0
// `policy: check`: what would the running kernel write if the kexec came now, with its real sessions, and can the next
// kernel read it? The answer comes from inside, if the kernel tells (debugfs labobj/versions), and from outside, from
// the kernel's own structures.
import {
  carriedBy,
  componentsIn,
  formatComponent,
  findMismatches,
  sameComponent,
  splitByImages,
  withCmdline,
} from '../../compat/index.js';
import { describeHandover, HandoverError } from '../../handover/index.js';
import type { Component, Mismatch } from '../../model/kernel/component.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { kernelRoots, readLinear } from '../../qemu/pagetable.js';
import { LabError, messageOf } from '../../util/errors.js';
import { printable } from '../../util/text/escape.js';
import type { Needs } from '../engine/parts.js';
import { findGuestIncompatibilities } from '../guests/preflight.js';
import { runningFormat } from '../kernel/format.js';
import { outgoing } from './handover.js';

/**
 * Size of `compatible`, which comes right before `list` in struct liveupdate_file_handler
 * (include/linux/liveupdate.h, 6.19 to 7.3).
 */
const COMPATIBLE = 48;
const MAX_HANDLERS = 256;

export interface Incompatibility {
  why: string;
  mismatches: Mismatch[];
}

/** Why the update must not go on; null if the next kernel can read everything that would be written. */
export async function findIncompatibility(
  parts: Needs<'plan' | 'recorder' | 'state' | 'agents' | 'view'>,
): Promise<Incompatibility | null> {
  const { plan, recorder } = parts;
  const next = recorder.epoch + 1;
  const [running, to] = [plan.kernels[recorder.epoch] as KernelImage, plan.kernels[next] as KernelImage];
  const inside = await askInside(parts);
  const outside = await seenOutside(parts);
  if (!Array.isArray(outside)) return { why: outside.unseen, mismatches: [] };
  const disagree = outside.filter(({ name, version }) =>
    inside.some((other) => other.name === name && other.version !== version),
  );
  if (disagree.length > 0) {
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: null,
      title: 'inside and outside disagree on what would be written',
      detail: `outside: ${disagree.map(formatComponent).join(' ')}; inside: ${inside.map(formatComponent).join(' ')}`,
    });
  }
  const own = withCmdline(running.versions, plan.scenario.cmdlines[recorder.epoch] ?? '');
  const seen = [...inside, ...outside.filter((each) => !inside.some((other) => sameComponent(each, other)))];
  const { shown, hidden } = splitByImages(seen, own, to.versions);
  if (hidden.length > 0) {
    const detail =
      `${hidden.map(formatComponent).join(' ')}: written now, and in neither image: whether ${to.name} reads it ` +
      'is not known';
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: null,
      title: 'what would be written is not known of the next kernel',
      detail,
    });
  }
  // For a component that neither the kernel nor its structures show, the image tells.
  const built = own.flatMap(({ name, write }) =>
    write === null || name === 'object' || shown.some((each) => each.name === name) ? [] : [{ name, version: write }],
  );
  const notation = own.find(({ name }) => name === 'object')?.manner?.notation;
  const mismatches = findMismatches([...shown, ...built], to, {
    cmdlineTo: plan.scenario.cmdlines[next] ?? '',
    uses: carriedBy(plan.scenario).uses,
    ...(notation === undefined ? {} : { notation }),
  });
  const guests = await findGuestIncompatibilities(parts);
  mismatches?.push(...guests);
  if (mismatches === null) return { why: `what ${to.name} reads is not known`, mismatches: [] };
  if (mismatches.length === 0) return null;
  return { why: mismatches.map(sentence).join('; '), mismatches };
}

function sentence({ component, wrote, reads, endsIn, detail }: Mismatch): string {
  const versions = (list: readonly number[]) => list.map((version) => `v${version}`).join(', ') || 'none';
  return (
    `${component}: ${wrote === null ? '' : `v${wrote} would be written, ${versions(reads)} is read; `}it would ` +
    `end in ${endsIn} (${detail})`
  );
}

/** Reads lines of debugfs labobj/versions: `hands-over object 2`, `writes memfd 2`. Leaves out what is only read. */
async function askInside({ agents, recorder }: Needs<'recorder' | 'agents'>): Promise<Component[]> {
  const reply = await agents.call('versions', {});
  const text = reply.ok && typeof reply.data['text'] === 'string' ? reply.data['text'] : '';
  // `writes object` is the version of objects that are not preserved yet: it does not apply to preserved ones.
  const found = text
    .split('\n')
    .flatMap((line) =>
      (/^(?:writes (?!object )|hands-over )(\S+ \d+)$/.exec(line)?.slice(1) ?? []).flatMap(componentsIn),
    );
  recorder.event({
    kind: 'oracle',
    oracle: 'what the running kernel would write',
    side: 'inside',
    ok: true,
    detail: found.map(formatComponent).join(' ') || 'this kernel does not tell',
  });
  return found;
}

/**
 * The versions of the root tree, of LUO's state, and of the handlers that would write the files. A kernel whose
 * structures are unsound is a finding on the kernel, so the update is refused. Throws LabError if the lab itself does
 * not know where to look.
 */
async function seenOutside(
  parts: Needs<'plan' | 'recorder' | 'state' | 'view'>,
): Promise<Component[] | { unseen: string }> {
  try {
    const listing = describeHandover(await outgoing(parts), 1);
    const handlers = await handlersOf(parts);
    // The lab's object registers every version that it reads; only the kernel itself tells which one it writes.
    const texts = [
      listing.kho,
      ...(listing.luo === null ? [] : [listing.luo]),
      ...handlers.filter((text) => !/^object\b/.test(text)),
    ];
    const read = texts.map((text) => ({ text, components: componentsIn(text) }));
    const found = read.flatMap(({ components }) => components);
    // The machine may have written anything there: it must not end the run.
    const unread = read.filter(({ components }) => components.length === 0).map(({ text }) => text);
    if (unread.length > 0) {
      const shown = printable(unread.map((text) => `"${text}"`).join(' '), 200);
      parts.recorder.incident({
        source: 'memory',
        side: 'outside',
        implies: null,
        title: 'the running kernel has versions that cannot be read',
        detail: `${shown}: expected NAME-vN; left out of the check`,
      });
    }
    parts.recorder.event({
      kind: 'oracle',
      oracle: 'what the running kernel would write',
      side: 'outside',
      ok: true,
      detail: found.map(formatComponent).join(' '),
    });
    return found;
  } catch (error) {
    if (error instanceof HandoverError)
      return { unseen: `what the running kernel would write cannot be seen from outside: ${messageOf(error)}` };
    throw error;
  }
}

/** The `compatible` of every file handler in the kernel's list. */
async function handlersOf(parts: Needs<'plan' | 'recorder' | 'view'>): Promise<string[]> {
  const { view } = parts;
  const head = (await runningFormat(parts))?.handlers ?? null;
  const registers = await view.registers();
  if (head === null || registers === null)
    throw new LabError(
      'what the running kernel would write cannot be seen from outside: the kernel shows no list of handlers',
    );
  const found: string[] = [];
  const entry = Buffer.alloc(COMPATIBLE + 8);
  for (const root of kernelRoots(registers)) {
    for (let at: bigint = head, first = true; first || at !== head; first = false) {
      if (found.length > MAX_HANDLERS) throw new HandoverError('the list of handlers does not end');
      if (!readLinear(view.memory, root, at - BigInt(first ? 0 : COMPATIBLE), first ? entry.subarray(0, 8) : entry))
        break;
      if (!first) found.push(entry.subarray(0, Math.max(0, entry.indexOf(0))).toString('latin1'));
      at = entry.readBigUInt64LE(first ? 0 : COMPATIBLE);
    }
    if (found.length > 0) return found;
  }
  return found;
}
