// SPDX-License-Identifier: Apache-2.0
// Follows which code the kernels of one run execute. It never fails a run: what cannot be seen, the result says.
import { CoverageLog, loggedRanges, type WatchedKernel, watchedKernel } from '../coverage/index.js';
import type { AddressRange, Coverage } from '../model/result/coverage.js';
import { reaches } from '../model/result/snapshot.js';
import { hasHardware } from '../qemu/hardware.js';
import type { RunPlan, RunStreams } from '../run/index.js';
import type { Start } from './start.js';

export class RunCoverage {
  private readonly kernels: readonly WatchedKernel[];
  private log: CoverageLog;

  constructor(plan: Pick<RunPlan, 'kernels' | 'accel' | 'scenario' | 'deviceLooks'>) {
    const why = whyBlind(plan);
    this.kernels = plan.kernels.map((image) =>
      why === null ? watchedKernel(image) : { name: image.name, sha256: image.sha256, code: null, why },
    );
    this.log = new CoverageLog(this.kernels);
  }

  /** For the plan of the run; undefined if there is nothing to watch. */
  get ranges(): AddressRange[] | undefined {
    const ranges = loggedRanges(this.kernels);
    return ranges.length === 0 ? undefined : ranges;
  }

  /** The streams of a run that starts like this. */
  begin(start: Pick<Start, 'kind'> & { resumed?: { rung: Parameters<typeof reaches>[0] } }): Partial<RunStreams> {
    this.log = new CoverageLog(
      this.kernels,
      start.resumed === undefined
        ? { how: 'boot' }
        : { how: 'resumed', epoch: reaches(start.resumed.rung, 'kho') ? 1 : 0 },
    );
    return { translations: (chunk) => this.log.feed(chunk), translationsLost: (bytes) => this.log.lost(bytes) };
  }

  /** After the end of the machine. */
  result(): Coverage {
    return { schema: 1, epochs: this.log.result() };
  }
}

/** Why QEMU does not show what this machine runs; null if it does. */
function whyBlind({
  accel,
  scenario: { hardware, machine },
  deviceLooks,
}: Pick<RunPlan, 'accel' | 'scenario' | 'deviceLooks'>): string | null {
  if (accel === 'kvm') return 'the machine ran on KVM, where QEMU translates no code: take --accel tcg';
  if (deviceLooks && hasHardware(hardware))
    return "the machine has devices or an IOMMU: QEMU's log holds the trace of them instead";
  if (machine.qemuArgs.some((arg) => /^--?[dD]$|^--?dfilter$/.test(arg)))
    return "the scenario's own arguments for QEMU set its log";
  return null;
}
