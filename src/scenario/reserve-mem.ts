// SPDX-License-Identifier: Apache-2.0
// Memory areas that a scenario's own kernel command lines reserve (reserve_mem=). An area that every kernel asks for is
// carried like one of `reserveMem`, so it is filled and judged like one.
import type { ReserveMemSpec } from '../model/scenario/scenario.js';

type Area = Omit<ReserveMemSpec, 'seed'>;

/** The form of `reserve_mem=` with the alignment that the lab itself uses (mm/memblock.c, reserve_mem()). */
const WORD = /^reserve_mem=(0x[0-9a-f]+|\d+)([kmg]?):(?:4096|4k|0x1000):([A-Za-z0-9_.-]{1,15})$/i;

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Splits the areas that all kernels reserve from the rest of their command lines. */
export function takeAreas(cmdlines: readonly string[]): { cmdlines: string[]; areas: Area[] } {
  const lines = cmdlines.map((line) => line.split(/\s+/).filter((word) => word !== ''));
  const [first = [], ...others] = lines;
  const common = first.filter((word) => WORD.test(word) && others.every((words) => words.includes(word)));
  if (common.length === 0) return { cmdlines: [...cmdlines], areas: [] };
  return {
    cmdlines: lines.map((words) => words.filter((word) => !common.includes(word)).join(' ')),
    areas: common.map((word) => {
      const [, size = '0', unit = '', name = ''] = WORD.exec(word) ?? [];
      return { name, size: Number(size) * (UNITS[unit.toLowerCase()] ?? 1) };
    }),
  };
}
