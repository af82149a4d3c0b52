// SPDX-License-Identifier: Apache-2.0
// Builds a complete scenario from input that has the right shape, and checks its meaning.
import { basename, dirname, resolve } from 'node:path';
import type { MachineSpec, ReserveMemSpec, Scenario } from '../model/scenario/scenario.js';
import type { DevicePlan } from '../model/scenario/device.js';
import { hasGuests } from '../model/scenario/guest.js';
import { devicesOf } from './validate/devices.js';
import type { SourceDocument } from './source/document.js';
import { expandSteps } from './explicit/explicit.js';
import { failAllocation } from './fail.js';
import { nodesOf } from './numa.js';
import { insertFaults } from './short/faults.js';
import { checkEpochs, followSteps } from './validate/follow.js';
import { expandKselftest } from './short/kselftest.js';
import { checkHostUse, refuse } from './validate/host-use.js';
import { LIMITS, PAGE } from './schema/limits.js';
import type { ScenarioOverrides } from './overrides.js';
import type { Problems } from './source/problems.js';
import type { ScenarioInput } from './schema/scenario.js';
import { takeAreas } from './reserve-mem.js';
import { seedOf } from './steps/seed.js';
import { expandSessions } from './short/short.js';
import { type Draft, StepList, TooManySteps } from './steps/step-list.js';
import { startUserspace } from './steps/userspace.js';

interface Context {
  document: SourceDocument;
  problems: Problems;
  overrides: ScenarioOverrides;
  source: string;
}

export function build(input: ScenarioInput, context: Context): Scenario {
  const { document, problems, overrides } = context;
  const outcome = typeof input.expect === 'string' ? input.expect : input.expect.outcome;
  const kernels = kernelsOf(input, context);
  const memory = memoryOf(input, problems);
  const { cmdlines, areas } = takeAreas(cmdlinesOf(input, kernels.length, problems));
  const reserveMem = reserveMemOf({ ...input, reserveMem: [...input.reserveMem, ...areas] }, memory, problems);
  const hardware = devicesOf(input, input.steps === undefined ? 'short' : 'explicit', document, problems);
  const written = failAllocation(input.fail, stepsOf(input, kernels, hardware, context), problems);
  const drafts = input.userspace === undefined ? written : startUserspace(input.userspace, written, document);
  const machine = machineOf(input, drafts, context);
  const added = addedMemory(drafts, problems);
  if (
    input.recover === 'update' &&
    drafts.some(({ step }) => step.op === 'guest-create' && step.spec.devices.length > 0)
  )
    problems.add(['recover'], 'recovery by another update cannot carry devices of guests', 'write recover: reboot');
  if (overrides.rule) checkHostUse(machine, drafts, overrides.rule, problems);
  if (problems.empty) {
    checkEpochs(drafts, kernels, outcome, problems);
    followSteps(
      drafts,
      machine.memory + added,
      reserveMem.reduce((sum, each) => sum + each.size, 0),
      hardware,
      problems,
    );
  }
  return {
    name:
      input.name ??
      basename(document.file)
        .replace(/\.ya?ml$/, '')
        .replace(/[^A-Za-z0-9._-]+/g, '-'),
    description: input.description,
    tags: input.tags,
    kernels,
    machine,
    cmdlines,
    reserveMem,
    ...(input.sign === undefined ? {} : { sign: { by: input.sign, pos: document.place(['sign']) } }),
    hardware,
    ...(input.userspace === undefined ? {} : { userspace: input.userspace }),
    steps: drafts.map(({ step }) => step),
    policy: input.policy,
    recover: input.recover ?? null,
    expect: { outcome, endsIn: typeof input.expect === 'string' ? null : (input.expect.endsIn ?? null) },
    without: [...new Set([...input.without, ...(overrides.without ?? [])])],
    taint: [...new Set(input.taint)],
    timeout: overrides.timeout ?? input.timeout ?? null,
    deadline: input.deadline ?? null,
    file: document.file,
    folder: resolve(dirname(document.file)),
    trusted: !overrides.rule,
    source: context.source,
  };
}

function kernelsOf(input: ScenarioInput, { overrides, problems }: Context): string[] {
  const checkKernel = (name: string, path: (string | number)[] | null) => {
    if (overrides.rule && path !== null && refuse(overrides.rule, { kind: 'kernel', name }, path, problems)) return;
    const problem = overrides.kernelProblem?.(name) ?? null;
    if (problem === null) return;
    if (path === null) problems.addGeneral(problem);
    else problems.add(path, problem);
  };
  const { kselftest } = input;
  if (typeof kselftest === 'object' && kselftest.tree !== undefined) checkKernel(kselftest.tree, ['kselftest', 'tree']);
  if (overrides.kernels !== undefined) {
    for (const name of overrides.kernels) checkKernel(name, null);
    return [...overrides.kernels];
  }
  if (input.chain) {
    for (const key of ['from', 'to'] as const) {
      if (input[key] !== undefined)
        problems.add([key], `expected either chain or from and to, found chain and ${key}`, null, 'key');
      if (overrides[key] !== undefined)
        problems.addGeneral(
          `--${key} cannot be used, because this scenario is a chain of ${input.chain.length} kernels`,
        );
    }
    for (const [index, name] of input.chain.entries()) checkKernel(name, ['chain', index]);
    return input.chain;
  }
  const from = overrides.from ?? input.from;
  const to = overrides.to ?? input.to;
  if (from === undefined)
    problems.add([], 'missing key "from": expected the kernel that runs first', 'or use --from, or chain: [...]');
  if (to === undefined)
    problems.add(
      [],
      'missing key "to": expected the kernel that runs after the update',
      'or use --to, or chain: [...]',
    );
  if (from !== undefined) checkKernel(from, overrides.from === undefined ? ['from'] : null);
  if (to !== undefined) checkKernel(to, overrides.to === undefined ? ['to'] : null);
  return [from ?? '', to ?? ''];
}

function memoryOf({ machine: { memory } }: ScenarioInput, problems: Problems): number {
  if (memory < LIMITS.memoryMin || memory > LIMITS.memoryMax) {
    problems.add(['machine', 'memory'], `expected memory from 256MiB to 64GiB, found ${memory} bytes`);
  } else if (memory % (1024 * 1024) !== 0) {
    problems.add(['machine', 'memory'], `expected memory in whole MiB, found ${memory} bytes`);
  }
  return memory;
}

/** With guests it has one CPU: QEMU's SVM delivers a guest's interrupt twice when another CPU asks for attention. */
function machineOf(
  { machine: { numa, ...machine } }: ScenarioInput,
  drafts: readonly Draft[],
  { overrides, problems }: Context,
): MachineSpec {
  const cpus = machine.cpus ?? (hasGuests(drafts.map(({ step }) => step)) ? 1 : 2);
  const nodes = numa === undefined ? undefined : nodesOf(numa, { memory: machine.memory, cpus }, problems);
  return {
    ...machine,
    cpus,
    ...(nodes === undefined ? {} : { numa: nodes }),
    icount: overrides.icount === true || machine.icount,
  };
}

/** Bytes of memory that steps add to the machine. */
function addedMemory(drafts: readonly Draft[], problems: Problems): number {
  const sizes = drafts.flatMap(({ step }) => (step.op === 'hotplug-memory' ? [step.size] : []));
  const added = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length > LIMITS.nodes || added > LIMITS.addedMemory)
    problems.add(
      ['steps'],
      `expected at most ${LIMITS.nodes} memory modules of 16GiB in all, found ${sizes.length} of ${added} bytes`,
    );
  return added;
}

function reserveMemOf(input: ScenarioInput, memory: number, problems: Problems): ReserveMemSpec[] {
  const names = new Set<string>();
  let total = 0;
  if (input.reserveMem.length > LIMITS.reserveMem) {
    problems.add(
      ['reserveMem'],
      `expected at most ${LIMITS.reserveMem} areas, because a kernel has no room for more ` +
        `(RESERVE_MEM_MAX_ENTRIES); found ${input.reserveMem.length}`,
      null,
      'key',
    );
  }
  for (const [index, { name, size }] of input.reserveMem.entries()) {
    if (names.has(name))
      problems.add(['reserveMem', index, 'name'], `expected a unique name; "${name}" exists already`);
    names.add(name);
    if (size === 0 || size % PAGE !== 0)
      problems.add(['reserveMem', index, 'size'], `expected a multiple of ${PAGE} bytes, found ${size} bytes`);
    total += size;
    if (total > memory)
      problems.add(
        ['reserveMem', index, 'size'],
        `expected less than the machine's memory (${memory} bytes), found ${total} bytes in all`,
      );
  }
  return input.reserveMem.map(({ name, size, seed }) => ({ name, size, seed: seed ?? seedOf(`reserve_mem/${name}`) }));
}

function cmdlinesOf(input: ScenarioInput, kernels: number, problems: Problems): string[] {
  const byEpoch = input.cmdline as Record<string, string | undefined>;
  for (const key of Object.keys(byEpoch)) {
    if (/^\d+$/.test(key) && Number(key) >= kernels) {
      problems.add(
        ['cmdline', key],
        `expected an epoch from 0 to ${kernels - 1}, because there are ${kernels} kernels; found ${key}`,
        null,
        'key',
      );
    }
  }
  return Array.from({ length: kernels }, (_, epoch) => {
    const keys = ['all', ...(epoch === 0 ? ['from'] : []), ...(epoch === kernels - 1 ? ['to'] : []), String(epoch)];
    const parts = keys.flatMap((key) => byEpoch[key] ?? []);
    const line = parts.join(' ');
    if (Buffer.byteLength(line) > LIMITS.cmdline) {
      problems.add(
        ['cmdline'],
        `expected at most ${LIMITS.cmdline} bytes for one kernel, found ${Buffer.byteLength(line)} for epoch ${epoch}`,
        null,
        'key',
      );
    }
    return line;
  });
}

function stepsOf(
  input: ScenarioInput,
  kernels: readonly string[],
  hardware: DevicePlan,
  { document, problems }: Context,
): Draft[] {
  if (input.steps && input.sessions) {
    problems.add(['steps'], 'expected either sessions or steps, found both', null, 'key');
    return [];
  }
  if (input.steps && input.kexec)
    problems.add(
      ['kexec'],
      'kexec belongs to sessions; with steps, write it as a step',
      'write - kexec, - abort or - load: legacy',
      'key',
    );
  if (input.kselftest !== undefined) {
    for (const key of ['sessions', 'steps', 'kexec'] as const)
      if (input[key] !== undefined)
        problems.add([key], `kselftest defines all steps, so ${key} cannot be used with it`, null, 'key');
  }
  const list = new StepList(document);
  try {
    if (input.kselftest !== undefined) expandKselftest(input.kselftest, kernels.length, list, problems);
    else if (input.steps) expandSteps(input.steps, document.file, list, problems);
    else {
      const way = input.kexec === undefined ? (input.sessions ? ['sessions'] : []) : ['kexec'];
      expandSessions(input.sessions ?? [], hardware, kernels.length, input.kexec ?? 'file', way, list, problems);
    }
  } catch (error) {
    if (!(error instanceof TooManySteps)) throw error;
    problems.add(error.path, `expected at most ${LIMITS.steps} steps in all; here are more`);
  }
  return problems.empty ? insertFaults(list.drafts, input.faults, kernels.length, document, problems) : list.drafts;
}
