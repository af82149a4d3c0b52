// SPDX-License-Identifier: Apache-2.0
// Prepares what runs need before a machine can start: host packages, kernels, the root file system, an accelerator.
// Each is prepared once and serves all scenarios.
import {
  coreRootFs,
  ensureHostTools,
  ensureKernel,
  ensureKselftest,
  ensureRootFs,
  ensureTools,
  ensureUserspace,
  type Extent,
  findProgram,
  type ImageContext,
  openWorkspace,
} from '../images/index.js';

import { filePlaces } from '../images/abi/file-places.js';
import { defaultCacheDir } from '../images/cache/cache.js';
import type { FilePlaces } from '../model/kernel/file-places.js';
import type { KernelImage, RootFs, Userspace } from '../model/kernel/image.js';
import type { Scenario } from '../model/scenario/scenario.js';
import { TEST_KHO } from '../model/scenario/selftest.js';
import { QEMU } from '../qemu/process.js';
import { extentOf } from './extent.js';
import { debuggerAccel } from './debugger-accel.js';
import { accelFor } from './guests-accel.js';
import { requireFeatures } from './require-features.js';
import { featuresMissingToSign } from './signing.js';
import { chooseAccel, type AccelAnswer } from '../host/accel.js';
import { breakpointsOnKvm } from '../host/breakpoints.js';
import type { ProbeAnswer } from '../host/kvm/failure.js';
import { hostTscKhz } from '../host/tsc.js';
import {
  countingFormat,
  requiresHandoverFormat,
  handoverFormat,
  hasForeignClient,
  needsHandoverFormat,
  type HandoverFormat,
} from '../images/abi/handover-format.js';
import {
  featuresMissingInKernels,
  featuresMissingInQemu,
  iommuOptions,
  missingMemory,
  takesDebugger,
} from '../run/index.js';
import { LabError } from '../util/errors.js';

/** Everything that a run gets besides its scenario. */
export interface Prepared {
  /** One per epoch, like the formats. */
  kernels: KernelImage[];
  rootfs: RootFs;
  /** Another system as user space; missing for the lab's own. */
  userspace?: Userspace;
  /** The part of it that is enough for a live update alone; missing for other scenarios. */
  coreRootfs?: RootFs;
  accel: AccelAnswer;
  /** Frequency of the host's TSC; null if unknown. */
  hostTscKhz: number | null;
  formats: (HandoverFormat | null)[];
  /** Why a format could not be read, one per epoch. */
  unread: (string | null)[];
  /** Follow every page that is handed over. */
  follow: boolean;
  /** One per epoch; null where nothing is followed, or the lab does not know them. */
  filePlaces: (FilePlaces | null)[];
  selftests: (string | null)[];
  /** Options of the IOMMU that this QEMU needs. */
  iommuOptions: Record<string, string>;
}

/** Where a stage shows what it does, and lines that stay. */
export interface SetUpTask {
  detail(text: string): void;
  note?(text: string): void;
}

export interface SetUpStage {
  title: string;
  run: (task: SetUpTask) => Promise<void>;
}

export interface PrepareOptions {
  accel: 'auto' | 'kvm' | 'tcg';
  signal: AbortSignal;
  /** Read the handover format of every kernel, whatever the scenario needs. */
  everyHandover?: boolean;
  /** Follow every page that is handed over, also where the lab's own agent preserves it. */
  follow?: boolean;
  /** `as-needed`: scenarios without guests and devices may run on small variants of their kernels. Full by default. */
  kernels?: 'full' | 'as-needed';
  /** Kernels that are already available, by their names in scenarios. */
  images?: ReadonlyMap<string, KernelImage>;
}

export class Preparation {
  private readonly images: Map<string, KernelImage>;
  /** Or why one could not be read. */
  private readonly formats = new Map<string, HandoverFormat | LabError>();
  /** The counting formats that the symbols alone give, or the reason why they give none. */
  private readonly counting = new Map<string, HandoverFormat | LabError>();
  private readonly filePlaces = new Map<string, FilePlaces | null>();
  /** By kernel and test. */
  private readonly selftests = new Map<string, string>();
  private rootfs: RootFs | null = null;
  private readonly userspaces = new Map<string, Userspace>();
  private accel: AccelAnswer | null = null;
  /** Whether breakpoints fire on KVM; null until a scenario needs one there. */
  private breakpoints: ProbeAnswer | null = null;
  /** By kind of IOMMU. */
  private readonly iommuOptions = new Map<string, Record<string, string>>();
  /** Undefined until it has been measured. */
  private hostTscKhz: number | null | undefined;

  constructor(private readonly options: PrepareOptions) {
    this.images = new Map(options.images);
  }

  /**
   * Returns stages to run in order. They throw a ScenarioError if a scenario needs something that this host or a kernel
   * missing.
   */
  stages(scenarios: readonly Scenario[]): SetUpStage[] {
    const kernels = [...new Set(scenarios.flatMap((scenario) => scenario.kernels))];
    // The last kernel hands nothing over.
    const writers = [
      ...new Set(
        scenarios.filter((scenario) => this.needsFormat(scenario)).flatMap((scenario) => scenario.kernels.slice(0, -1)),
      ),
    ];
    const required = new Set(
      scenarios.filter(requiresHandoverFormat).flatMap((scenario) => scenario.kernels.slice(0, -1)),
    );
    return [
      {
        title: 'host packages',
        run: async (task) => {
          await ensureHostTools(this.context(task));
          if (scenarios.some(({ sign }) => sign !== undefined))
            await ensureTools(['sign'], openWorkspace(this.context(task)));
          const binary = findProgram(QEMU) ?? QEMU;
          for (const scenario of scenarios) {
            requireFeatures(await featuresMissingInQemu(scenario, binary, defaultCacheDir()), scenario);
            const { kind } = scenario.hardware.iommu;
            this.iommuOptions.set(kind, await iommuOptions(scenario, binary, defaultCacheDir()));
          }
        },
      },
      ...kernels
        .filter((name) => !this.images.has(name))
        .map((name): SetUpStage => ({
          title: `kernel ${name}`,
          run: async (task) =>
            void this.images.set(name, await ensureKernel(name, this.context(task), this.extent(scenarios))),
        })),
      ...writers
        // One that could not be read and is required by now is an error.
        .filter((name) => !this.formats.has(name) || (required.has(name) && this.formats.get(name) instanceof LabError))
        .map((name): SetUpStage => ({
          title: `handover format of ${name}`,
          run: async (task) => {
            try {
              this.formats.set(name, await handoverFormat(this.kernel(name), this.context(task)));
            } catch (error) {
              if (required.has(name) || !(error instanceof LabError)) throw error;
              this.formats.set(name, error);
            }
          },
        })),
      ...[...new Set(scenarios.filter((each) => this.follows(each)).flatMap((each) => each.kernels))]
        .filter((name) => !this.filePlaces.has(name))
        .map((name): SetUpStage => ({
          title: `open files of ${name}`,
          run: async (task) => void this.filePlaces.set(name, await filePlaces(this.kernel(name), this.context(task))),
        })),
      ...testsOf(scenarios)
        .filter(({ key }) => !this.selftests.has(key))
        .map(({ key, kernel, test }): SetUpStage => ({
          title: `${test} of ${kernel}`,
          run: async (task) => void this.selftests.set(key, await ensureKselftest(kernel, test, this.context(task))),
        })),
      ...(this.rootfs === null
        ? [
            {
              title: 'root file system',
              run: async (task: Parameters<SetUpStage['run']>[0]) => {
                this.rootfs = await ensureRootFs(this.context(task));
              },
            },
          ]
        : []),
      ...userspacesOf(scenarios)
        .filter((name) => !this.userspaces.has(name))
        .map((name): SetUpStage => ({
          title: `user space ${name}`,
          run: async (task) => void this.userspaces.set(name, await ensureUserspace(name, this.context(task))),
        })),
      {
        title: 'accelerator',
        run: async (task) => {
          for (const scenario of scenarios) {
            const kernels = this.kernelsOf(scenario);
            requireFeatures(
              [
                ...featuresMissingInKernels(scenario, kernels),
                ...featuresMissingToSign(scenario, kernels),
                ...missingMemory(scenario, kernels, this.rootfs?.size ?? 0),
              ],
              scenario,
            );
          }
          const probe = {
            kernel: this.kernel(kernels[0] ?? ''),
            rootfs: this.rootfs as RootFs,
            cacheDir: defaultCacheDir(),
            signal: this.options.signal,
            report: (text: string) => task.detail(text),
          };
          this.accel ??= await chooseAccel({ ...probe, wanted: this.options.accel });
          if (scenarios.some((each) => this.breaksOnKvm(each))) this.breakpoints ??= await breakpointsOnKvm(probe);
          for (const scenario of scenarios) {
            const { accel, why } = this.accelOf(scenario);
            if (accel !== this.accel.accel) task.note?.(`${scenario.name} runs on ${accel}: ${why}`);
          }
          if (scenarios.some((each) => this.accelOf(each).accel === 'tcg') && this.hostTscKhz === undefined)
            this.hostTscKhz = await hostTscKhz(this.context(task));
        },
      },
    ];
  }

  /** Returns what the stages have prepared for one of their scenarios. */
  of(scenario: Scenario): Prepared {
    const rootfs = this.rootfs as RootFs;
    const userspace = this.userspaces.get(scenario.userspace ?? '');
    return {
      kernels: this.kernelsOf(scenario),
      rootfs,
      ...(userspace === undefined ? {} : { userspace }),
      ...(extentOf(scenario) === 'core' ? coreOf(rootfs) : {}),
      accel: this.accelOf(scenario),
      hostTscKhz: this.hostTscKhz ?? null,
      iommuOptions: this.iommuOptions.get(scenario.hardware.iommu.kind) ?? {},
      ...this.formatsOf(scenario),
      follow: this.follows(scenario),
      filePlaces: scenario.kernels.map((name) => this.filePlaces.get(name) ?? null),
      selftests: scenario.kernels.map(
        (name) => this.selftests.get(selftestKey(treeOf(scenario) ?? name, selftestOf(scenario) ?? '')) ?? null,
      ),
    };
  }

  private follows(scenario: Scenario): boolean {
    return this.options.follow === true || hasForeignClient(scenario);
  }

  private accelOf(scenario: Scenario): AccelAnswer {
    const answer = this.accelForGuests(scenario);
    return debuggerAccel(answer, this.breaksOnKvm(scenario) ? this.breakpoints : null);
  }

  /** Whether `auto` must know if breakpoints fire: the user who asks for KVM gets it. */
  private breaksOnKvm(scenario: Scenario): boolean {
    if (this.options.accel !== 'auto' || this.accelForGuests(scenario).accel !== 'kvm') return false;
    return this.options.everyHandover === true || takesDebugger(scenario.steps);
  }

  private accelForGuests(scenario: Scenario): AccelAnswer {
    return accelFor(scenario, this.kernelsOf(scenario), {
      wanted: this.options.accel,
      answer: this.accel as AccelAnswer,
    });
  }

  kernelsOf(scenario: Pick<Scenario, 'kernels'>): KernelImage[] {
    return scenario.kernels.map((name) => this.kernel(name));
  }

  /** Returns the formats of all kernels that may refuse to leave. The last one never leaves. */
  private formatsOf(scenario: Scenario): Pick<Prepared, 'formats' | 'unread'> {
    const leaving = scenario.kernels.map((name, epoch) =>
      epoch < scenario.kernels.length - 1 ? this.formatOf(name, scenario) : { format: null, why: null },
    );
    return { formats: leaving.map(({ format }) => format), unread: leaving.map(({ why }) => why) };
  }

  /** Without the layouts, the symbols may be enough to count; `why` then still tells what the layouts lack. */
  private formatOf(name: string, scenario: Scenario): { format: HandoverFormat | null; why: string | null } {
    const whole = this.needsFormat(scenario) ? this.formats.get(name) : undefined;
    if (whole !== undefined && !(whole instanceof LabError)) return { format: whole, why: null };
    let counting = this.counting.get(name);
    if (counting === undefined)
      this.counting.set(name, (counting = labErrorOf(() => countingFormat(this.kernel(name)))));
    if (counting instanceof LabError) return { format: null, why: counting.message };
    return { format: counting, why: whole?.message ?? null };
  }

  private needsFormat(scenario: Scenario): boolean {
    const { everyHandover, follow } = this.options;
    return everyHandover === true || follow === true || needsHandoverFormat(scenario);
  }

  private extent(scenarios: readonly Scenario[]): Extent {
    if (this.options.kernels !== 'as-needed') return 'full';
    return scenarios.every((scenario) => extentOf(scenario) === 'core') ? 'core' : 'full';
  }

  private kernel(name: string): KernelImage {
    const image = this.images.get(name);
    if (image === undefined) throw new Error(`kernel ${name} was not prepared`);
    return image;
  }

  private context(task: SetUpTask): ImageContext {
    return {
      onNote: (line) => task.note?.(line),
      signal: this.options.signal,
      onProgress: ({ task: what, done, of, detail }) =>
        task.detail(
          [what, of === null || of === 0 ? '' : `${Math.min(99, Math.floor((done / of) * 100))} %`, detail ?? '']
            .filter(Boolean)
            .join('  '),
        ),
    };
  }
}

/** Lists the programs of upstream's tests that scenarios need, each once. */
function testsOf(scenarios: readonly Scenario[]): { key: string; kernel: string; test: string }[] {
  const all = scenarios.flatMap((scenario) => {
    const test = selftestOf(scenario);
    return test === null || test === TEST_KHO
      ? []
      : scenario.kernels
          .map((kernel) => treeOf(scenario) ?? kernel)
          .map((kernel) => ({ key: selftestKey(kernel, test), kernel, test }));
  });
  return [...new Map(all.map((each) => [each.key, each])).values()];
}

function userspacesOf(scenarios: readonly Scenario[]): string[] {
  return [...new Set(scenarios.flatMap(({ userspace }) => userspace ?? []))];
}

function selftestOf({ steps }: Scenario): string | null {
  const step = steps.find(({ op }) => op === 'kselftest');
  return step?.op === 'kselftest' ? step.test : null;
}

/** The kernel whose source has the test; null if each kernel runs the test of its own source. */
function treeOf({ steps }: Scenario): string | null {
  const step = steps.find(({ op }) => op === 'kselftest');
  return step?.op === 'kselftest' ? (step.tree ?? null) : null;
}

const selftestKey = (kernel: string, test: string) => `${test} of ${kernel}`;

/** Where it cannot be made, as in a cache that cannot be written, the whole one serves as well. */
function coreOf(rootfs: RootFs): Pick<Prepared, 'coreRootfs'> {
  try {
    return { coreRootfs: coreRootFs(rootfs) };
  } catch {
    return {};
  }
}

function labErrorOf<T>(work: () => T): T | LabError {
  try {
    return work();
  } catch (error) {
    if (error instanceof LabError) return error;
    throw error;
  }
}
