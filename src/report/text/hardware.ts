// SPDX-License-Identifier: Apache-2.0
// The devices and the IOMMU of one run, for a terminal.
import type { DeviceOfResult, IommuOfResult } from '../../model/result/hardware-result.js';
import type { Result } from '../../model/result/result.js';
import { printable } from '../../util/text/escape.js';

const MAX_DEVICES = 8;
const MAX_STRAYS = 4;

export function hardwareText({ devices, iommu }: Pick<Result, 'devices' | 'iommu'>): string[] {
  return [...devicesText(devices), ...(iommu === null ? [] : iommuText(iommu))];
}

function devicesText(devices: readonly DeviceOfResult[]): string[] {
  if (devices.length === 0) return [];
  const worst = [...devices].sort((a, b) => Number(a.problems.length === 0) - Number(b.problems.length === 0));
  const lines = ['', '  devices', ...worst.slice(0, MAX_DEVICES).flatMap(deviceText)];
  if (worst.length > MAX_DEVICES) {
    const rest = worst.slice(MAX_DEVICES);
    const sound = rest.filter(({ problems }) => problems.length === 0).length;
    lines.push(`    and ${rest.length} more, of which ${sound} without a problem`);
  }
  return lines;
}

function deviceText({
  name,
  device,
  address,
  carried,
  level,
  resets,
  transfer,
  backing,
  problems,
  before,
  after,
}: DeviceOfResult): string[] {
  const notes = [
    ...(carried === 'kept' && level ? [`level ${level}`] : []),
    ...(before === null || after === null
      ? []
      : [before.address === after.address ? 'same address' : `now at ${after.address}`]),
    ...(resets === 0 ? [] : [`${resets} reset${resets === 1 ? '' : 's'}`]),
    ...(transfer === null ? [] : [`DMA in flight ${transfer.fate}`]),
    ...(backing === null ? [] : [`data ${backing.pages - backing.different}/${backing.pages} pages`]),
  ];
  const columns = [(carried ?? '-').padEnd(9), printable(name, 40).padEnd(10), device.padEnd(10)].join(' ');
  const line = `    ${columns} ${address ?? 'never found'}  ${notes.join(', ')}`;
  return [line.trimEnd(), ...problems.slice(0, 3).map((problem) => `              ${printable(problem, 300)}`)];
}

function iommuText({ kind, gaps, faults, tables, strays }: IommuOfResult): string[] {
  const gapTexts = gaps.map(
    ({ epoch, state, ms }) => `${gapText(state, ms)}${gaps.length > 1 ? ` (into epoch ${epoch})` : ''}`,
  );
  const lines = ['', `  iommu     ${kind}: ${gapTexts.join('; ') || 'no update happened'}`];
  for (const { device, before, after, same, handedOver, leaked } of tables) {
    if (before !== null && after !== null && same > 0)
      lines.push(
        `            ${printable(device, 40)}: ${same} ${same === 1 ? 'page' : 'pages'} ` +
          'behind the same addresses as before',
      );
    if (handedOver > 0)
      lines.push(
        `            ${printable(device, 40)}: tables of ${handedOver} pages handed over, ` +
          (leaked === 0 ? 'all given back' : `${leaked} leaked`),
      );
  }
  for (const { device, count, first } of faults)
    lines.push(
      `            ${count} request${count === 1 ? '' : 's'} of ${printable(device, 40)} blocked: ` +
        printable(first, 200),
    );
  for (const { device, phys, bytes } of strays.slice(0, MAX_STRAYS))
    lines.push(`            ${printable(device, 40)} wrote ${bytes} bytes astray, at ${phys}`);
  if (strays.length > MAX_STRAYS) lines.push(`            and ${strays.length - MAX_STRAYS} more places`);
  return lines;
}

function gapText(state: IommuOfResult['gaps'][number]['state'], ms: number | null): string {
  switch (state) {
    case 'kept':
      return 'gap 0 ms, translation was never off';
    case 'gap':
      return `gap ${ms?.toFixed(1)} ms without translation`;
    case 'open':
      return 'translation went off and never came back';
    case 'off':
      return 'nothing was translated before the kexec';
  }
}
