// SPDX-License-Identifier: Apache-2.0
// What the IOMMU did over an update: how long nothing was translated, what was blocked, where devices reached before
// and after.
import type {
  DeviceOfResult,
  IommuOfResult,
  ReachOfResult,
  TablesOfResult,
} from '../../model/result/hardware-result.js';
import { addressText, compareTables, gap, type DeviceTables } from '../../oracles/iommu/index.js';
import { checkMapped } from '../../oracles/files/mapped.js';
import type { PfnRun } from '../../oracles/files/outside.js';
import { PAGE } from '../../oracles/files/pattern.js';
import type { RunContext } from '../engine/context.js';
import type { DeviceState } from './state.js';
import type { PageState } from '../../oracles/pages/page-state.js';
import { noteHardware } from '../record/hardware-mismatches.js';
import type { TablesLook } from './iommu-inspect.js';
import { witnessIommu } from './iommu-witness.js';
import { leakedTablePages, pageStates } from './table-pages.js';

const MOST_MAPPINGS = 32;
const MOST_TIMELINE = 500;
const MOST_PROBLEMS = 20;

/** What is known of the IOMMU when the run ends; filled update by update. */
export class IommuRecord {
  readonly gaps: IommuOfResult['gaps'] = [];
  readonly descriptors: IommuOfResult['descriptors'] = [];
  readonly tables: TablesOfResult[] = [];
  readonly strays: IommuOfResult['strays'] = [];
}

/** Judges the update that led into the kernel that runs now. @param kexecAt when it began, milliseconds of the run */
export async function judgeIommu(
  context: RunContext,
  record: IommuRecord,
  devices: readonly DeviceOfResult[],
  kexecAt: number,
  ended: boolean,
): Promise<void> {
  const { recorder, state, trace, plan } = context;
  const believed = ended || witnessIommu(context);
  if (trace === null || plan.scenario.hardware.iommu.kind === 'none') return;
  trace.look();
  const { epoch } = recorder;
  const { state: how, ms } = gap(
    trace.iommu.map(({ event }) => event),
    trace.micros(kexecAt),
  );
  record.gaps.push({ epoch, state: how, ms });
  const kept = devices.filter(({ carried }) => carried === 'kept').map(({ name }) => name);
  recorder.event({
    kind: 'oracle',
    oracle: 'iommu: gap',
    side: 'outside',
    ok: how === 'kept' || kept.length === 0,
    detail: gapText(how, ms),
  });
  if (kept.length > 0 && how !== 'kept' && !ended && believed) {
    noteHardware(state.hardware, 'iommu', `${kept.join(', ')}: ${gapText(how, ms)}`);
    recorder.incident({
      source: 'memory',
      side: 'outside',
      implies: 'corrupt',
      title: 'translation was off while a device was kept',
      detail: `${kept.join(', ')}: ${gapText(how, ms)}`,
    });
  }
  // A machine that has come to an end answers nothing.
  const stateOf = ended ? () => null : await pageStates(context);
  for (const device of state.devices.values()) {
    if (device.iommufd.carried)
      record.descriptors.push({ device: device.spec.name, epoch, carried: device.iommufd.retrieved ? 'kept' : 'lost' });
    if (device.iommufd.carried && !device.iommufd.retrieved && !ended) {
      noteHardware(state.hardware, 'iommu', `${device.spec.name}: its iommufd did not come back`);
      recorder.incident({
        source: 'agent',
        side: 'inside',
        implies: 'lost',
        title: 'an iommufd is lost',
        detail: `${device.spec.name}: its iommufd did not come back`,
      });
    }
    if (!ended) seePages(context, device, epoch, stateOf);
    const tables = tablesOf(context, device, epoch, stateOf);
    if (tables !== null) record.tables.push(tables);
    if (tables !== null && tables.problems.length > 0 && !ended) {
      noteHardware(state.hardware, 'iommu', `${device.spec.name}: ${tables.problems.join('; ')}`);
      recorder.incident({
        source: 'memory',
        side: 'outside',
        implies: 'corrupt',
        title: 'a device does not reach the memory that it was given',
        detail: `${device.spec.name}: ${tables.problems.join('; ')}`,
      });
    }
    if (tables !== null && tables.leaked > 0 && !ended) {
      recorder.incident({
        source: 'memory',
        side: 'outside',
        implies: 'leak',
        title: "pages of an IOMMU's tables leaked",
        detail: `${device.spec.name}: nobody gave back ${tables.leaked} of the ${tables.handedOver} pages that its tables were handed over in`,
      });
    }
    for (const { strays, iova } of device.transfers.filter((each) => each.epoch === epoch - 1)) {
      for (const each of strays?.strays ?? [])
        record.strays.push({ device: device.spec.name, iova: hex(iova), phys: hex(each.phys), bytes: each.length });
    }
  }
}

/** Whether handed-over tables were given back is told by the kernel's own array of pages. */
function seePages(
  { recorder }: RunContext,
  device: DeviceState,
  epoch: number,
  stateOf: (phys: number) => PageState | null,
): void {
  const old = [...(leftTables(device, epoch)?.contents.keys() ?? [])];
  if (old.length === 0 || old.some((phys) => stateOf(phys) !== null)) return;
  recorder.witnesses.blind(
    'iommu',
    epoch,
    `${device.spec.name}: the kernel's array of pages was not found, so nobody can tell whether the ${old.length} pages of its tables were given back`,
  );
}

/** As the kernel before left them. */
function leftTables(device: DeviceState, epoch: number): TablesLook | null {
  return (
    device.tables.findLast((look) => look.epoch === epoch - 1 && (look.moment === 'use' || look.moment === 'kexec')) ??
    null
  );
}

function gapText(state: IommuOfResult['gaps'][number]['state'], ms: number | null): string {
  switch (state) {
    case 'kept':
      return 'DMA was translated all the time';
    case 'gap':
      return `DMA was not translated for ${ms?.toFixed(1)} ms`;
    case 'open':
      return 'DMA is not translated any more';
    case 'off':
      return 'DMA was not translated before the kexec either';
  }
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** Null where the device was in use in neither kernel. */
function tablesOf(
  { state, machine }: RunContext,
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
  if (before !== null && arrival !== null && device.retrieved) problems.push(...arrivalProblems(before, arrival));
  let same = 0;
  if (before !== null && after !== null) {
    const owners = [...state.carried.values()];
    const compared = compareTables(
      before.tables,
      after.tables,
      (phys) => owners.find((file) => has(file.runs, Math.floor(phys / PAGE)))?.name ?? null,
    );
    same = compared.same;
    // What is lost or new without being corrupt is in the list of mappings: a scenario need not map the same files
    // again.
    for (const each of compared.differences)
      if (each.corrupt || each.kind === 'changed')
        problems.push(
          `IOVA ${hex(each.iova)} (${each.length} bytes) led to ${hex(each.before?.phys ?? 0)}, leads to ${hex(each.after?.phys ?? 0)}${each.owner === null ? '' : `, which is ${each.owner}`}`,
        );
  }
  const old = before?.contents ?? new Map<number, string>();
  const leaked = leakedTablePages(machine, old, new Set(after?.tables.tables.map(({ phys }) => phys)), stateOf);
  return {
    device: device.spec.name,
    before: reachOf(before),
    after: reachOf(after),
    same,
    handedOver: old.size,
    leaked: leaked.length,
    problems: [...new Set(problems)].slice(0, MOST_PROBLEMS),
  };
}

/** Between the jump and the moment that somebody asks for it, a device that is kept runs on what was handed over. */
function arrivalProblems(before: TablesLook, arrival: TablesLook): string[] {
  const { differences, lost, changed, rights } = compareTables(before.tables, arrival.tables);
  const first = differences.find(({ kind }) => kind !== 'new');
  if (first === undefined) return freeProblems(arrival);
  // The list of differences has an end, the counts have none.
  const pages = lost + changed + rights;
  return [
    `${pages} pages led elsewhere when the next kernel was up; the first, IOVA ${hex(first.iova)}, led to ${hex(first.before?.phys ?? 0)}, then ${first.after === null ? 'nowhere' : `to ${hex(first.after.phys)}`}`,
    ...freeProblems(arrival),
  ];
}

function freeProblems({ free, tables, moment }: TablesLook): string[] {
  if (free.length === 0) return [];
  const when = moment === 'arrival' ? ' when the next kernel was up' : '';
  return [
    `${free.length} of the ${tables.tables.length} pages of its tables ${free.length === 1 ? 'was' : 'were'} free memory${when}, the first at ${hex(free[0] ?? 0)}: whoever gets it writes into what translates for the device`,
  ];
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
      `${file} at ${hex(iova)}: ${check.wrong} of ${check.pages} pages lead elsewhere, ${check.missing} nowhere; page ${first.page} leads to ${first.phys === null ? 'nothing' : hex(first.phys)}, should to ${hex(first.expected)}`,
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
      .slice(0, MOST_MAPPINGS)
      .map(({ iova, phys, length, rights }) => ({ iova: hex(iova), phys: hex(phys), length, rights })),
  };
}

/** For result.json; null where the machine has no IOMMU. */
export function iommuResult(context: RunContext, record: IommuRecord): IommuOfResult | null {
  const { trace, plan, state } = context;
  const { kind } = plan.scenario.hardware.iommu;
  if (kind === 'none') return null;
  const moments = (trace?.iommu ?? []).filter(({ event }) => event.kind !== 'command');
  const shown = moments.slice(0, MOST_TIMELINE);
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
