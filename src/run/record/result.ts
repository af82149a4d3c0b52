// SPDX-License-Identifier: Apache-2.0
// Builds the result of a run from its record.
import type { Mismatch } from '../../model/kernel/component.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Prediction } from '../../model/result/prediction.js';
import {
  type KernelOfResult,
  type MemoryOfResult,
  type ResourceOfResult,
  type Result,
  RESULT_SCHEMA,
} from '../../model/result/result.js';
import type { SnapshotOfResult } from '../../model/result/snapshot.js';
import { addPages, NO_PAGES } from '../../oracles/files/file-verdict.js';
import { joinRuns } from '../../oracles/pages/page-map.js';
import { isHit } from '../../verdict/hit.js';
import { cameAsExpected } from '../engine/expected.js';
import type { RunPlan } from '../engine/plan.js';
import type { FileRecord, UpdateRecord } from '../judge/records.js';
import type { RunRecord } from './record.js';

export interface ResultContext {
  predicted: Prediction | null;
  mismatches: Mismatch[];
  timeline: Result['timeline'];
  labVersion: string;
  /** What the run started from. */
  snapshot: SnapshotOfResult;
}

export function buildResult(plan: RunPlan, record: RunRecord, around: ResultContext): Result {
  const { scenario } = plan;
  const kernels = plan.kernels.map((kernel, epoch) => kernelOf(kernel, record.epochs[epoch]?.release ?? null));
  const { outcome: expected, endsIn: expectedEndsIn } = scenario.expect;
  const { outcome, endsIn, cause } = record.verdict;
  return {
    schema: RESULT_SCHEMA,
    id: plan.id,
    scenario: { name: scenario.name, description: scenario.description, tags: scenario.tags, file: scenario.file },
    from: kernels[0] as KernelOfResult,
    to: kernels.at(-1) as KernelOfResult,
    kernels,
    policy: scenario.policy,
    outcome,
    endsIn,
    cause,
    expected,
    expectedEndsIn,
    asExpected: cameAsExpected(scenario, record.verdict, record.steps),
    predicted: around.predicted && {
      ...around.predicted,
      hit: isHit(around.predicted, {
        outcome,
        endsIn,
        cause,
        incidents: record.incidents,
        mismatches: around.mismatches,
      }),
    },
    mismatches: around.mismatches,
    attempts: record.attempts,
    resources: [
      ...record.updates.flatMap((update) => update.files.map((file) => resourceOf(file, update.epoch))),
      ...record.kept.map(({ epoch, file }) => resourceOf(file, epoch)),
    ],
    devices: record.devices,
    iommu: record.iommu,
    guests: record.guests,
    downtime: record.downtime,
    impaired: impairedOf(record),
    recovery: record.recovery,
    cases: record.cases,
    incidents: record.incidents,
    witnesses: record.witnesses,
    taint: record.taint,
    memory: memoryOf(record.updates),
    handedOver: record.updates.flatMap(({ followed }) => followed ?? []),
    timeline: around.timeline,
    qemu: record.qemu,
    snapshot: around.snapshot,
    durations: record.durations,
    lab: { ...ownUsage(), loopDelay: record.loopDelay },
    versions: { lab: around.labVersion, node: process.version },
    startedAt: record.startedAt.toISOString(),
  };
}

/** What the last update cost the host: leaked memory stays lost until the next reboot. */
function impairedOf({ updates, guests, verdict }: RunRecord): Result['impaired'] {
  const pagesLeaked = updates.at(-1)?.counts.pagesLeaked ?? 0;
  if (pagesLeaked === 0 && verdict.outcome !== 'leak') return null;
  return {
    pagesLeaked,
    guests: guests
      .filter(({ state, epoch }) => state !== 'survived' && epoch === updates.at(-1)?.epoch)
      .map(({ name }) => name),
  };
}

function ownUsage(): Omit<Result['lab'], 'loopDelay'> {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuMs: Math.round((userCPUTime + systemCPUTime) / 1000), peakRssKiB: maxRSS };
}

function kernelOf(kernel: KernelImage, running: string | null): KernelOfResult {
  return {
    name: kernel.name,
    release: running ?? kernel.release,
    components: kernel.components,
    sha256: kernel.sha256,
    image: { variant: kernel.variant ?? 'full', store: kernel.from ?? null },
  };
}

function resourceOf({ kind, file, verdict }: FileRecord, epoch: number): ResourceOfResult {
  const inside = file.retrieved?.inside ?? null;
  return {
    kind,
    name: file.name,
    session: file.session,
    token: file.token,
    epoch,
    state: verdict.state,
    size: file.spec.size,
    pages: verdict.pagesPreserved,
    hugeKiB: file.hugeKiB,
    inside:
      inside === null
        ? null
        : {
            pages: inside.pages,
            bad: inside.bad,
            size: inside.size,
            position: inside.position,
            seals: inside.seals,
            blocks: inside.blocks ?? 0,
            mode: inside.mode,
            access: inside.access,
            object: inside.object,
          },
    outside: {
      pages: verdict.look.pages,
      different: verdict.look.different,
      overwritten: verdict.overwritten,
      readable: verdict.readable,
    },
    problems: verdict.problems,
  };
}

function memoryOf(updates: readonly UpdateRecord[]): MemoryOfResult {
  return {
    ...updates.reduce((sum, { counts }) => addPages(sum, counts), NO_PAGES),
    updates: updates.map(({ epoch, handedOver, marked, baseline, files }) => ({
      epoch,
      markedOnArrival: handedOver,
      markedAtEnd: marked?.total ?? null,
      ...mapOf(files, baseline),
      baseline: baseline.map(({ what, pfn, count }) => ({
        what,
        phys: `0x${(pfn * 4096).toString(16)}`,
        pages: count,
      })),
    })),
  };
}

/** Maximum number of page runs in one update's map: a few hundred KiB of result.json. */
const MAX_RUNS = 4096;

function mapOf(
  files: readonly FileRecord[],
  baseline: UpdateRecord['baseline'],
): Pick<MemoryOfResult['updates'][number], 'map' | 'mapLeftOut'> {
  const own = baseline.map(({ pfn, count }) => ({ pfn, count, state: 'own' as const }));
  const { runs, leftOut } = joinRuns([...files.flatMap(({ verdict }) => verdict.map), ...own], MAX_RUNS);
  return {
    map: runs.map(({ pfn, count, state }) => ({ phys: `0x${(pfn * 4096).toString(16)}`, pages: count, state })),
    mapLeftOut: leftOut,
  };
}
