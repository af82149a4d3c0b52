// SPDX-License-Identifier: Apache-2.0
// Compares what a device reaches before and after an update, by the IOMMU's tables in the machine's memory.
import type { ReachOfResult, TablesOfResult } from '../../../model/result/hardware-result.js';
import { checkMapped } from '../../../oracles/files/mapped.js';
import type { PfnRun } from '../../../oracles/files/outside.js';
import { PAGE } from '../../../oracles/files/pattern.js';
import { compareTables, type DeviceTables, type Difference } from '../../../oracles/iommu/index.js';
import type { PageState } from '../../../oracles/pages/page-state.js';
import type { Needs } from '../../engine/parts.js';
import type { DeviceState, TablesLook } from '../../state/device.js';
import { leakedTablePages } from './table-pages.js';

const MAX_MAPPINGS = 32;
const MAX_PROBLEMS = 20;

/** The tables as the old kernel left them. */
export function leftTables(device: DeviceState, epoch: number): TablesLook | null {
  return (
    device.tables.findLast((look) => look.epoch === epoch - 1 && (look.moment === 'use' || look.moment === 'kexec')) ??
    null
  );
}

/** Null where the device was in use in neither kernel. */
export function tablesOf(
  { machine, state }: Needs<'state' | 'machine'>,
  device: DeviceState,
  epoch: number,
  stateOf: (phys: number) => PageState | null,
): TablesOfResult | null {
  const before = leftTables(device, epoch);
  const after =
    device.tables.findLast((look) => look.epoch === epoch && (look.moment === 'use' || look.moment === 'fault')) ??
    null;
  const arrival = device.tables.findLast((look) => look.epoch === epoch && look.moment === 'arrival') ?? null;
  if (before === null && after === null) return null;
  const runs = new Map([...state.files.values()].map((file) => [file.name, file.runs]));
  const problems =
    after === null ? [] : [...mappingProblems(after, runs), ...walkProblems(after.tables), ...freeProblems(after)];
  if (before !== null && arrival !== null && device.retrieved && device.spec.level === 'dma')
    problems.push(...arrivalProblems(before, arrival));
  let same = 0;
  if (before !== null && after !== null) {
    const owners = [...state.expected.values()];
    const compared = compareTables(
      before.tables,
      after.tables,
      (phys) => owners.find((file) => has(file.runs, Math.floor(phys / PAGE)))?.name ?? null,
    );
    same = compared.same;
    // What is lost or new without being corrupt is in the list of mappings: a scenario need not map the same files
    // again, and may map others.
    for (const each of compared.differences)
      if ((each.corrupt || each.kind === 'changed') && !requested(after, runs, each))
        problems.push(
          `IOVA ${hex(each.iova)} (${each.length} bytes) led ` +
            `${each.before === null ? 'nowhere' : `to ${hex(each.before.phys)}`}, leads to ` +
            `${hex(each.after?.phys ?? 0)}${each.owner === null ? '' : `, which is ${each.owner}`}`,
        );
  }
  const old = (device.spec.level === 'dma' ? before?.contents : null) ?? new Map<number, string>();
  const leaked = leakedTablePages(machine, old, new Set(after?.tables.tables.map(({ phys }) => phys)), stateOf);
  return {
    device: device.spec.name,
    before: reachOf(before),
    after: reachOf(after),
    same,
    handedOver: old.size,
    leaked: leaked.length,
    problems: [...new Set(problems)].slice(0, MAX_PROBLEMS),
  };
}

/** From the kexec until it is retrieved, a device that is kept uses the tables that were handed over. */
function arrivalProblems(before: TablesLook, arrival: TablesLook): string[] {
  const { differences, lost, changed, rights } = compareTables(before.tables, arrival.tables);
  const first = differences.find(({ kind }) => kind !== 'new');
  if (first === undefined) return freeProblems(arrival);
  // The list of differences has an end, the counts have none.
  const pages = lost + changed + rights;
  return [
    `${pages} pages led elsewhere when the next kernel was up; the first, IOVA ${hex(first.iova)}, led to ` +
      `${hex(first.before?.phys ?? 0)}, then ${first.after === null ? 'nowhere' : `to ${hex(first.after.phys)}`}`,
    ...freeProblems(arrival),
  ];
}

function freeProblems({ free, tables, moment }: TablesLook): string[] {
  if (free.length === 0) return [];
  const when = moment === 'arrival' ? ' when the next kernel was up' : '';
  return [
    `${free.length} of the ${tables.tables.length} pages of its tables ${free.length === 1 ? 'was' : 'were'} ` +
      `free memory${when}, the first at ${hex(free[0] ?? 0)}: the next owner writes into what translates for ` +
      'the device',
  ];
}

/** Whether the running kernel was asked to map exactly these pages there. */
function requested(
  { maps }: TablesLook,
  runs: ReadonlyMap<string, readonly PfnRun[]>,
  { iova, length, after }: Pick<Difference, 'iova' | 'length' | 'after'>,
): boolean {
  if (after === null) return false;
  return maps.some((map) => {
    const start = (Number(iova) - map.iova) / PAGE;
    const end = start + length / PAGE;
    let pages = 0;
    for (const { page, pfn, count } of runs.get(map.file) ?? []) {
      const overlap = Math.min(end, page + count) - Math.max(start, page);
      if (overlap > 0 && after.phys / PAGE - start === pfn - page) pages += overlap;
    }
    return pages === length / PAGE;
  });
}

function has(runs: readonly PfnRun[], pfn: number): boolean {
  return runs.some((run) => pfn >= run.pfn && pfn < run.pfn + run.count);
}

function mappingProblems({ tables, maps }: TablesLook, runs: ReadonlyMap<string, readonly PfnRun[]>): string[] {
  return maps.flatMap(({ file, iova }) => {
    const check = checkMapped(tables.mappings, iova, runs.get(file) ?? []);
    if (check.wrong + check.missing === 0 || check.first === null) return [];
    const { first } = check;
    return [
      `${file} at ${hex(iova)}: ${check.wrong} of ${check.pages} pages lead elsewhere, ${check.missing} ` +
        `nowhere; page ${first.page} leads to ${first.phys === null ? 'nothing' : hex(first.phys)}, should to ` +
        `${hex(first.expected)}`,
    ];
  });
}

function walkProblems(tables: DeviceTables): string[] {
  return tables.state === 'broken' || !tables.complete ? tables.problems.slice(0, 4).map(({ detail }) => detail) : [];
}

function reachOf(look: TablesLook | null): ReachOfResult | null {
  if (look === null) return null;
  const { tables, epoch } = look;
  return {
    epoch,
    state: tables.state,
    bytes: tables.mappings.reduce((sum, { length }) => sum + length, 0),
    tablePages: tables.tables.length,
    mappings: tables.mappings
      .slice(0, MAX_MAPPINGS)
      .map(({ iova, phys, length, rights }) => ({ iova: hex(iova), phys: hex(phys), length, rights })),
  };
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
