// SPDX-License-Identifier: Apache-2.0
// Builds the part of result.json about the IOMMU.
import type { IommuOfResult, TablesOfResult } from '../../../model/result/hardware-result.js';
import { addressText } from '../../../oracles/iommu/index.js';
import type { Needs } from '../../engine/parts.js';

const MAX_TIMELINE = 500;

/** Filled update by update. */
export class IommuRecord {
  readonly gaps: IommuOfResult['gaps'] = [];
  readonly descriptors: IommuOfResult['descriptors'] = [];
  readonly tables: TablesOfResult[] = [];
  readonly strays: IommuOfResult['strays'] = [];
}

/** For result.json; null where the machine has no IOMMU. */
export function iommuResult(
  { trace, plan, state }: Needs<'trace' | 'plan' | 'state'>,
  record: IommuRecord,
): IommuOfResult | null {
  const { kind } = plan.scenario.hardware.iommu;
  if (kind === 'none') return null;
  const moments = (trace?.iommu ?? []).filter(({ event }) => event.kind !== 'command');
  const shown = moments.slice(0, MAX_TIMELINE);
  const known = record.gaps.map(({ ms }) => ms);
  const named = new Map([...state.devices.values()].map((device) => [device.source, device.spec.name]));
  const faults = new Map<string, { count: number; first: string }>();
  for (const { event } of moments) {
    if (event.kind !== 'fault') continue;
    const source = event.fault?.sourceId ?? null;
    const device = source === null ? 'unknown' : (named.get(source) ?? addressText(source));
    const entry = faults.get(device);
    if (entry === undefined) faults.set(device, { count: event.count, first: event.detail });
    else entry.count += event.count;
  }
  return {
    kind,
    timeline: shown.map(({ t, epoch, event }) => ({
      t,
      epoch,
      what: event.kind,
      detail: event.detail,
      count: event.count,
    })),
    leftOut: moments.length - shown.length + (trace?.dropped ?? 0),
    gapMs: known.length === 0 || known.includes(null) ? null : Math.max(...(known as number[])),
    gaps: record.gaps,
    descriptors: record.descriptors,
    faults: [...faults].slice(0, 64).map(([device, each]) => ({ device, ...each })),
    tables: record.tables,
    strays: record.strays,
  };
}
