// SPDX-License-Identifier: Apache-2.0
// The lab's own preserved object (lab/kernel/object, kernel/liveupdate/labobj/settings.c and handler.c). Stock
// components have one version each; this one has several. Applies a kernel's command line to its build options, and
// finds where the next kernel notices a version that it cannot read.
import { CHECK_TIMES, type ComponentVersions, NOTATIONS } from '../../model/kernel/component.js';
import { valuesOf } from '../binary/cmdline.js';
import { keepWith } from './hardware.js';
import { OBJECT_VERSIONS, settled } from '../versions/object-build.js';
import { type Effect, OBJECT_EFFECTS } from './rules.js';
import { writtenBy } from '../versions/versions.js';

/**
 * A kernel's versions with a command line: labobj.reads, writes, write, notation and check replace the build options.
 * Also applies lukeep (hardware.ts).
 */
export function withCmdline(versions: readonly ComponentVersions[], cmdline: string): ComponentVersions[] {
  return keepWith(versions, cmdline).map((each) => (each.name === 'object' ? objectWith(each, cmdline) : each));
}

function objectWith(built: ComponentVersions, cmdline: string): ComponentVersions {
  const last = <T>(name: string, read: (text: string) => T | null): T | null =>
    valuesOf(cmdline, `labobj.${name}`)
      .map(read)
      .findLast((value) => value !== null) ?? null;
  const word =
    <T extends string>(words: readonly T[]) =>
    (text: string): T | null =>
      words.find((each) => each === text) ?? null;
  const reads = last('reads', versionList) ?? built.reads;
  const writes = last('writes', versionList) ?? built.writes;
  const write = last('write', oneVersion) ?? built.write;
  const notation = last('notation', word(NOTATIONS)) ?? built.manner?.notation;
  const check = last('check', word(CHECK_TIMES)) ?? built.manner?.check;
  return {
    name: built.name,
    reads,
    writes,
    write: settled(write, writes),
    manner: notation === undefined || check === undefined ? null : { notation, check },
  };
}

function oneVersion(text: string): number | null {
  return OBJECT_VERSIONS.find((version) => String(version) === text) ?? null;
}

/** Parses `1,3` or `none` into versions, newest first; null for anything else. */
function versionList(text: string): number[] | null {
  const versions = text === 'none' ? [] : text.split(',').map(oneVersion);
  return versions.includes(null) ? null : OBJECT_VERSIONS.filter((version) => versions.includes(version));
}

/** The content of a lab object. */
export interface ObjectContent {
  /** Bytes of its array. */
  array: number;
  state: number;
  label: string;
}

/** The lowest version that can carry it. Preserving it in a lower one fails with EOPNOTSUPP. */
export function neededVersion({ array, state, label }: ObjectContent): number {
  if (array > 64 * 1024) return 4;
  if (label !== '') return 3;
  return state >= 2 ** 32 ? 2 : 1;
}

/** The effect of two kernels' versions of the object: null for a match, unknown without the build options. */
export function objectEffect(writer: ComponentVersions, reader: ComponentVersions): Effect | null | 'unknown' {
  const wrote = writtenBy(writer);
  if (wrote === null) return 'unknown';
  const read = wrote.some((version) => reader.reads.includes(version));
  if (reader.manner === null) return read ? 'unknown' : OBJECT_EFFECTS.somewhere;
  if (reader.manner.check === 'early') return read ? null : OBJECT_EFFECTS.early;
  if (writer.manner === null) return 'unknown';
  if (!hasHandler(writer, wrote, reader)) return OBJECT_EFFECTS.noHandler;
  return read && writer.manner.notation === reader.manner.notation ? null : OBJECT_EFFECTS.retrieve;
}

/**
 * The next kernel has a handler for exactly the written text. It also has one for the version that it writes itself.
 */
function hasHandler(writer: ComponentVersions, wrote: readonly number[], reader: ComponentVersions): boolean {
  const [theirs, ours] = [writer.manner?.notation ?? 'token', reader.manner?.notation ?? 'token'];
  const unversioned = (notation: string): boolean => notation === 'fdt' || notation === 'integer';
  if (unversioned(theirs) || unversioned(ours)) return unversioned(theirs) && unversioned(ours);
  return theirs === ours && wrote.some((version) => reader.reads.includes(version) || reader.write === version);
}
