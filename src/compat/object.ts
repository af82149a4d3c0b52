// SPDX-License-Identifier: Apache-2.0
// The lab's own preserved object (lab/kernel/object, kernel/liveupdate/labobj/settings.c and handler.c): the stock
// components speak one version each, this one negotiates. What a kernel's command line makes of its build options, and
// where a next kernel comes upon a version that it does not read.
import { CHECK_TIMES, type ComponentVersions, NOTATIONS } from '../model/kernel/component.js';
import { valuesOf } from './binary/cmdline.js';
import { keepWith } from './predict/hardware.js';
import { OBJECT_VERSIONS, settled } from './object-build.js';
import { type Effect, OBJECT_EFFECTS } from './predict/rules.js';
import { writtenBy } from './versions.js';

/**
 * The same kernel under a command line: labobj.reads, writes, write, notation and check, each in place of its build
 * option; and lukeep (hardware.ts).
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

/** `1,3` or `none` as versions, newest first; null where it is no such list. */
function versionList(text: string): number[] | null {
  const wanted = text === 'none' ? [] : text.split(',').map(oneVersion);
  return wanted.includes(null) ? null : OBJECT_VERSIONS.filter((version) => wanted.includes(version));
}

/** What the lab's object holds. */
export interface ObjectContent {
  /** Bytes of its array. */
  array: number;
  state: number;
  label: string;
}

/** The lowest version that can carry it; what writes a lower one refuses to preserve it with EOPNOTSUPP. */
export function neededVersion({ array, state, label }: ObjectContent): number {
  if (array > 64 * 1024) return 4;
  if (label !== '') return 3;
  return state >= 2 ** 32 ? 2 : 1;
}

/**
 * How two kernels get along over the object: the effect of a mismatch; null for a match; unknown where the build
 * options are not known.
 */
export function objectMeeting(writer: ComponentVersions, reader: ComponentVersions): Effect | null | 'unknown' {
  const wrote = writtenBy(writer);
  if (wrote === null) return 'unknown';
  const read = wrote.some((version) => reader.reads.includes(version));
  if (reader.manner === null) return read ? 'unknown' : OBJECT_EFFECTS.somewhere;
  if (reader.manner.check === 'early') return read ? null : OBJECT_EFFECTS.early;
  if (writer.manner === null) return 'unknown';
  if (!found(writer, wrote, reader)) return OBJECT_EFFECTS.noHandler;
  return read && writer.manner.notation === reader.manner.notation ? null : OBJECT_EFFECTS.retrieve;
}

/** The next kernel has a handler under the very text that was written. It has one for what it writes itself, too. */
function found(writer: ComponentVersions, wrote: readonly number[], reader: ComponentVersions): boolean {
  const [theirs, ours] = [writer.manner?.notation ?? 'token', reader.manner?.notation ?? 'token'];
  const unversioned = (notation: string): boolean => notation === 'fdt' || notation === 'integer';
  if (unversioned(theirs) || unversioned(ours)) return unversioned(theirs) && unversioned(ours);
  return theirs === ours && wrote.some((version) => reader.reads.includes(version) || reader.write === version);
}
