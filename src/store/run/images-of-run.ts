// SPDX-License-Identifier: Apache-2.0
// Finds the memory images that a run has kept.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE_NAME } from './memory-image.js';

export interface KeptImage {
  moment: 'jump' | 'end';
  epoch: number;
  path: string;
}

/** Lists them in chronological order. */
export function imagesOfRun(folder: string): KeptImage[] {
  return readdirSync(folder)
    .filter((name) => IMAGE_NAME.test(name))
    .map((name): KeptImage => {
      const [, moment = '', epoch = ''] = /^memory-(\w+)-(\d+)/.exec(name) ?? [];
      return { moment: moment as KeptImage['moment'], epoch: Number(epoch), path: join(folder, name) };
    })
    .sort((a, b) => a.epoch - b.epoch || (a.moment === 'end' ? -1 : 1) - (b.moment === 'end' ? -1 : 1));
}
