// SPDX-License-Identifier: Apache-2.0
// `lab check`: predicts, without booting, whether an update and its rollback will work.
import { Command, InvalidArgumentError } from 'commander';
import {
  bootMemory,
  bumped,
  carriedBy,
  checkProfile,
  type Host,
  lateAreasRuling,
  loadingOf,
  type MemoryPlan,
  pinGuests,
  pinnedCmdline,
  pinnedState,
  predictScenario,
  type ProfileCheck,
  withCmdline,
} from '../../compat/index.js';
import { currentRootFs, type ImageContext, openWorkspace } from '../../images/index.js';
import { ruleFor, type TrustOption } from '../../host/trust.js';
import type { Component } from '../../model/kernel/component.js';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Profile } from '../../model/scenario/profile.js';
import type { Scenario } from '../../model/scenario/scenario.js';
import { loadProfile, loadScenario } from '../../scenario/index.js';
import { UsageError } from '../../util/errors.js';
import { nearest } from '../../util/text/nearest.js';
import { kernelImages, kernelProblem } from '../run/check-kernels.js';
import { type CheckReport, type Pair, reportOf } from '../text/check-report.js';
import { checkText } from '../text/check.js';
import { trustOption } from '../common/option-values.js';
import { EXIT_INFRA } from '../common/exit.js';
import { withContext } from '../common/interrupt.js';
import { profileText } from '../text/profile.js';

interface CheckOptions extends TrustOption {
  from?: string;
  to?: string;
  scenario?: string;
  profile?: string;
  bump?: Component[];
  cmdlineFrom?: string;
  cmdlineTo?: string;
  json?: boolean;
}

export function createCommand(): Command {
  return new Command('check')
    .description(
      'predicts, without booting, whether an update and its rollback will work. ' +
        'Exit status: 1 if the update will not work, 3 if that cannot be known',
    )
    .argument('[kernel...]', 'with --profile: the kernels of a fleet, by name or path')
    .option('--from <kernel>', 'the kernel that hands over: a name or a path')
    .option('--to <kernel>', 'the kernel that takes over')
    .option(
      '--scenario <file>',
      'check what this scenario carries, on its kernels and command lines; without it, everything a kernel can carry',
    )
    .option('--profile <file>', 'check against versions that every kernel must read and be able to write')
    .option('--bump <component=version>', 'change one version of the profile (repeatable)', bump)
    .option('--cmdline-from <parameters>', 'add these to the kernel command line of --from')
    .option('--cmdline-to <parameters>', 'add these to the kernel command line of --to')
    .addOption(trustOption('the scenario'))
    .option('--json', 'print as JSON')
    .action((kernels: string[], options: CheckOptions) => withContext((context) => check(kernels, options, context)));
}

function bump(text: string, before: Component[] = []): Component[] {
  const match = /^([a-z][a-z0-9_-]*)=(\d{1,9})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('expected a component and a version, such as object=2.');
  return [...before, { name: match[1] ?? '', version: Number(match[2]) }];
}

async function check(fleet: readonly string[], options: CheckOptions, context: ImageContext): Promise<void> {
  const profile = await profileOf(fleet, options);
  const hasPair =
    fleet.length === 0 || options.from !== undefined || options.to !== undefined || options.scenario !== undefined;
  const wanted = hasPair ? await pairs(options, profile, context) : [];
  if (profile === null) return print(wanted.map(reportOf), null, options);
  const hosts = hasPair
    ? hostsOf(wanted)
    : [...(await kernelImages(fleet, context)).values()].map((kernel) => ({ ...kernel, cmdline: '' }));
  print(
    wanted.map((pair) => reportOf(pinned(pair, profile))),
    checkProfile(profile, hosts),
    options,
  );
}

async function profileOf(
  fleet: readonly string[],
  { profile: file, bump: bumps = [], from, to, scenario }: CheckOptions,
): Promise<Profile | null> {
  if (file === undefined) {
    if (fleet.length > 0) throw new UsageError('a list of kernels is checked against a profile: add --profile FILE');
    if (bumps.length > 0) throw new UsageError('--bump changes a profile: add --profile FILE');
    return null;
  }
  if (fleet.length > 0 && [from, to, scenario].some((each) => each !== undefined))
    throw new UsageError('give either a list of kernels, or --from and --to, or --scenario');
  const profile = await loadProfile(file);
  const names = profile.pins.map(({ name }) => name);
  const stray = bumps.find(({ name }) => !names.includes(name));
  if (stray === undefined) return bumped(profile, bumps);
  const near = nearest(stray.name, names);
  const suggestion = near === null ? '.' : `; did you mean ${near}?`;
  throw new UsageError(`--bump: ${profile.name} does not pin ${stray.name}${suggestion} Pinned: ${names.join(', ')}`);
}

/** The pair with command lines that make both kernels write the pinned versions. */
function pinned(pair: Pair, { pins }: Profile): Pair {
  const withPins = (kernel: KernelImage, cmdline: string): string =>
    `${cmdline} ${pinnedCmdline(withCmdline(kernel.versions, cmdline), pins)}`.trim();
  return { ...pair, cmdlineFrom: withPins(pair.from, pair.cmdlineFrom), cmdlineTo: withPins(pair.to, pair.cmdlineTo) };
}

/** Each kernel of the pairs, once for each of its command lines. */
function hostsOf(wanted: readonly Pair[]): Host[] {
  const all = wanted.flatMap(({ from, to, cmdlineFrom, cmdlineTo }) => [
    { ...from, cmdline: cmdlineFrom },
    { ...to, cmdline: cmdlineTo },
  ]);
  return all.filter(
    (host, index) => all.findIndex(({ name, cmdline }) => name === host.name && cmdline === host.cmdline) === index,
  );
}

function print(reports: readonly CheckReport[], profile: ProfileCheck | null, { json }: CheckOptions): void {
  if (json) {
    const data =
      reports.length === 0
        ? { schema: 1, ...profile }
        : reports.map((report) => (profile === null ? report : { ...report, profile }));
    process.stdout.write(`${JSON.stringify(Array.isArray(data) && data.length === 1 ? data[0] : data, null, 2)}\n`);
  } else {
    const texts = [
      ...reports.map((report) => checkText(report, process.stdout)),
      ...(profile === null ? [] : [profileText(profile, process.stdout)]),
    ];
    process.stdout.write(texts.join('\n'));
  }
  process.exitCode = exitStatus([...reports, ...(profile === null ? [] : [profile])]);
}

/** 0: everything will work; 1: something will not; 3: that cannot be known. */
function exitStatus(answers: readonly { compatible: boolean | null }[]): number {
  if (answers.some(({ compatible }) => compatible === false)) return 1;
  return answers.some(({ compatible }) => compatible === null) ? EXIT_INFRA : 0;
}

/** One pair for two kernels; one for each update of a chain. */
async function pairs(
  { from, to, scenario: file, cmdlineFrom = '', cmdlineTo = '', trust }: CheckOptions,
  profile: Profile | null,
  context: ImageContext,
): Promise<Pair[]> {
  const scenario =
    file === undefined
      ? null
      : pinGuests(
          await loadScenario(file, { from, to, kernelProblem, rule: ruleFor(file, { trust }) }),
          pinnedState(profile?.pins ?? []),
        );
  const names = scenario?.kernels ?? [from, to].filter((name) => name !== undefined);
  if (scenario === null && (from === undefined || to === undefined)) {
    throw new UsageError('two kernels are needed: give --from and --to, or --scenario with a file that names them');
  }
  const images = await kernelImages(names, context);
  const kernels = names.map((name) => images.get(name) as KernelImage);
  const last = kernels.length - 1;
  const cmdline = (epoch: number): string =>
    [scenario?.cmdlines[epoch] ?? '', epoch === 0 ? cmdlineFrom : '', epoch === last ? cmdlineTo : '']
      .filter((part) => part !== '')
      .join(' ');
  const cmdlines = names.map((_, epoch) => cmdline(epoch));
  const initramfs = currentRootFs(openWorkspace(context))?.size;
  const predicted = scenario && (predictScenario({ ...scenario, cmdlines }, kernels, { initramfs })?.outcome ?? null);
  const about = { scenario: scenario && { name: scenario.name, file: scenario.file, predicted }, ...carried(scenario) };
  return kernels
    .slice(1)
    .map((next, epoch) => ({
      from: kernels[epoch] as KernelImage,
      to: next,
      cmdlineFrom: cmdline(epoch),
      cmdlineTo: cmdline(epoch + 1),
      ...about,
      loading: scenario === null ? undefined : loadingOf(scenario, epoch),
      memory: memoryOf({ ...(scenario ?? ANY_MACHINE), cmdlines }, kernels, epoch, initramfs),
    }));
}

/** Without a scenario, the check assumes a machine of this size. */
const ANY_MACHINE: Omit<MemoryPlan, 'cmdlines'> = { machine: { memory: 2 ** 30 }, reserveMem: [], steps: [] };

/** The memory that each kernel boots in. A rollback starts on a host whose first boot was into the newer kernel. */
function memoryOf(
  plan: MemoryPlan,
  kernels: readonly KernelImage[],
  epoch: number,
  initramfs: number | undefined,
): Pair['memory'] {
  const [from, to] = [kernels[epoch], kernels[epoch + 1]];
  if (from === undefined || to === undefined) return undefined;
  const back = { ...plan, cmdlines: [plan.cmdlines[epoch + 1] ?? '', plan.cmdlines[epoch] ?? ''], steps: [] };
  const update = bootMemory(plan, kernels, epoch, initramfs);
  return {
    update: { ...update, ruling: update.ruling ?? lateAreasRuling(plan, kernels, epoch) },
    rollback: bootMemory(back, [to, from], 0, initramfs),
  };
}

function carried(scenario: Scenario | null): Pick<Pair, 'uses' | 'objectNeeds'> {
  return scenario === null ? { uses: null, objectNeeds: null } : carriedBy(scenario);
}
