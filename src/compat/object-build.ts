// SPDX-License-Identifier: Apache-2.0
// What the lab's own preserved object speaks as it was built: options of lab/kernel/object/Kconfig in the kernel's
// configuration.
import { CHECK_TIMES, type ComponentVersions, type Manner, NOTATIONS } from '../model/kernel/component.js';
import { isSet, valueOf } from './binary/config.js';

/**
 * Versions there can be, newest first (LABOBJ_OLDEST and LABOBJ_NEWEST of
 * lab/kernel/object/include/uapi/linux/labobj.h).
 */
export const OBJECT_VERSIONS: readonly number[] = [4, 3, 2, 1];

/** What the composite notation names besides: parts of the object, whose versions stand for nothing alone. */
export const OBJECT_PARTS: readonly string[] = ['pages', 'array'];

const PREFIX = 'CONFIG_LAB_OBJECT';

/**
 * @param listed versions in the kernel's own list, which is what it reads
 * @param config text of its configuration, which tells the rest; null where that is not known
 * @returns null where the kernel has no such object
 */
export function objectVersions(listed: number[], config: string | null): ComponentVersions | null {
  if (config === null || !isSet(config, PREFIX)) {
    return listed.length === 0 ? null : { name: 'object', reads: listed, writes: null, write: null, manner: null };
  }
  const chosen = (what: string): number[] =>
    OBJECT_VERSIONS.filter((version) => isSet(config, `${PREFIX}_${what}_${version}`));
  const writes = chosen('WRITES');
  const write = Number(valueOf(config, `${PREFIX}_WRITE`));
  return {
    name: 'object',
    reads: listed.length > 0 ? listed : chosen('READS'),
    writes,
    write: settled(OBJECT_VERSIONS.includes(write) ? write : null, writes),
    manner: mannerOf(config),
  };
}

/** A version that cannot be written gives way to the newest that can; null where there is none, or nothing is known. */
export function settled(write: number | null, writes: readonly number[] | null): number | null {
  if (writes === null) return write;
  return write !== null && writes.includes(write) ? write : (writes[0] ?? null);
}

function mannerOf(config: string): Manner | null {
  const notation = NOTATIONS.find((each) => isSet(config, `${PREFIX}_NOTATION_${each.toUpperCase()}`));
  const check = CHECK_TIMES.find((each) => isSet(config, `${PREFIX}_CHECK_${each.toUpperCase()}`));
  return notation === undefined || check === undefined ? null : { notation, check };
}
