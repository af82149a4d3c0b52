// SPDX-License-Identifier: Apache-2.0
// The list of images, for people.
import type { ImageEntry } from '../../images/index.js';
import type { Component } from '../../model/kernel/component.js';
import { bytes } from '../../report/text/style.js';
import { table } from './table.js';

export function listText(entries: readonly ImageEntry[]): string {
  const rows = entries.map((entry) => {
    const { name, image, small, problem, description } = entry;
    const shown = image ?? small?.image ?? null;
    const size = entry.bytes + (small?.bytes ?? 0);
    return [
      name,
      stateText(entry),
      size > 0 ? bytes(size) : '-',
      shown !== null && 'components' in shown ? componentsText(shown.components) : '-',
      problem ?? description,
    ];
  });
  return table(['NAME', 'STATE', 'SIZE', 'COMPONENTS', 'DESCRIPTION'], rows);
}

/** `small`: only the small variant is there. */
export function stateText({ state, stale, small }: Pick<ImageEntry, 'state' | 'stale' | 'small'>): string {
  const hasSmall = small?.state === 'ready';
  switch (state) {
    case 'ready':
      return hasSmall ? 'ready, small' : 'ready';
    case 'missing':
      if (hasSmall) return 'small';
      return stale > 0 || (small?.stale ?? 0) > 0 ? 'outdated' : 'missing';
    case 'broken':
      return 'broken';
  }
}

export function componentsText(components: readonly Component[]): string {
  return components.map(({ name, version }) => `${name}-v${version}`).join(' ') || 'none found';
}
