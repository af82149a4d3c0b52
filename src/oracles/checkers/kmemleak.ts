// SPDX-License-Identifier: Apache-2.0
// Reads the list of kmemleak (debugfs; print_unreferenced() in mm/kmemleak.c, 6.16 to 7.3): objects that nobody points
// to, each with the stack of its allocation. The text comes from the machine: it may hold anything.
import { allocatorOf, functionIn, MAX_FRAMES } from './stack.js';

/** Objects that the same stack has allocated. */
export interface LeakedObjects {
  /** The function that wanted the memory; null if the list does not say. */
  where: string | null;
  objects: number;
  bytes: number;
  /** The stack, innermost first. */
  frames: string[];
  /** The first of these objects, as the kernel prints it. */
  text: string[];
}

export interface KmemleakList {
  groups: LeakedObjects[];
  objects: number;
  /** Objects of stacks beyond the limit. They are counted in `objects`. */
  leftOut: number;
}

const MAX_GROUPS = 32;
const MAX_LINES_OF_OBJECT = 80;
const MAX_LINE = 200;
const OBJECT = /^unreferenced object(?: \([\w -]{1,20}\))? 0x[0-9a-f]{1,16} \(size (\d{1,15})\):$/;

/** Null if the text is neither empty nor a list. */
export function readKmemleak(text: string): KmemleakList | null {
  const groups = new Map<string, LeakedObjects>();
  const list: KmemleakList = { groups: [], objects: 0, leftOut: 0 };
  let open: LeakedObjects | null = null;
  const close = (): void => {
    if (open === null) return;
    const key = open.frames.join('\n');
    const known = groups.get(key);
    if (known !== undefined) {
      known.objects++;
      known.bytes += open.bytes;
    } else if (groups.size < MAX_GROUPS) groups.set(key, { ...open, where: allocatorOf(open.frames) });
    else list.leftOut++;
    list.objects++;
  };
  for (const line of text.split('\n')) {
    const size = OBJECT.exec(line)?.[1];
    if (size !== undefined) {
      close();
      open = { where: null, objects: 1, bytes: Number(size), frames: [], text: [line] };
      continue;
    }
    if (open === null) {
      if (line.trim() !== '') return null;
      continue;
    }
    if (open.text.length < MAX_LINES_OF_OBJECT && line !== '') open.text.push(line.slice(0, MAX_LINE));
    const name = functionIn(line.slice(0, MAX_LINE));
    if (name !== null && open.frames.length < MAX_FRAMES) open.frames.push(name);
  }
  close();
  list.groups = [...groups.values()];
  return list;
}
