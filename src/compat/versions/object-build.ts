// SPDX-License-Identifier: Apache-2.0
// The versions of the lab's own preserved object as built: options of lab/kernel/object/Kconfig in the configuration.
import { CHECK_TIMES, type ComponentVersions, type Manner, NOTATIONS } from '../../model/kernel/component.js';
import { isSet, valueOf } from '../binary/config.js';

/** All versions, newest first (LABOBJ_OLDEST and LABOBJ_NEWEST in lab/kernel/object/include/uapi/linux/labobj.h). */
export const OBJECT_VERSIONS: readonly number[] = [4, 3, 2, 1];

/** Parts of the object that the composite notation also names. Their versions mean nothing alone. */
export const OBJECT_PARTS: readonly string[] = ['pages', 'array'];

const PREFIX = 'CONFIG_LAB_OBJECT';

/**
 * @param listed versions in the kernel's own list, which are those that it reads
 * @param config its configuration, which has the rest; null if unknown
 * @returns null if the kernel has no such object
 */
export function objectVersions(listed: number[], config: string | null): ComponentVersions | null {
  if (config === null || !isSet(config, PREFIX)) {
    return listed.length === 0 ? null : { name: 'object', reads: listed, writes: null, write: null, manner: null };
  }
  const enabled = (what: string): number[] =>
    OBJECT_VERSIONS.filter((version) => isSet(config, `${PREFIX}_${what}_${version}`));
  const writes = enabled('WRITES');
  const write = Number(valueOf(config, `${PREFIX}_WRITE`));
  return {
    name: 'object',
    reads: listed.length > 0 ? listed : enabled('READS'),
    writes,
    write: settled(OBJECT_VERSIONS.includes(write) ? write : null, writes),
    manner: mannerOf(config),
  };
}

/** Replaces a version that cannot be written by the newest one that can; null if there is none, or if unknown. */
export function settled(write: number | null, writes: readonly number[] | null): number | null {
  if (writes === null) return write;
  return write !== null && writes.includes(write) ? write : (writes[0] ?? null);
}

function mannerOf(config: string): Manner | null {
  const notation = NOTATIONS.find((each) => isSet(config, `${PREFIX}_NOTATION_${each.toUpperCase()}`));
  const check = CHECK_TIMES.find((each) => isSet(config, `${PREFIX}_CHECK_${each.toUpperCase()}`));
  return notation === undefined || check === undefined ? null : { notation, check };
}
