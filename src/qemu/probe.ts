// SPDX-License-Identifier: Apache-2.0
// Asks a QEMU binary which device models it has, and which options some of them have. The answer is stored per binary.
import { realpathSync, statSync } from 'node:fs';
import { z } from 'zod';
import type { DevicePlan } from '../model/scenario/device.js';
import { runCommand } from '../util/process/command.js';
import { LabError } from '../util/errors.js';
import { readJson } from '../util/read-json.js';
import { NEEDED_OPTIONS } from './features/table.js';
import { iommuDevice, QEMU_MODELS, ROOT_PORT } from './hardware.js';
import { replaceFile } from '../util/replace-file.js';

const factsSchema = z.object({
  models: z.array(z.string()),
  /** By model, for the models with options that not every QEMU has. */
  options: z.record(z.string(), z.array(z.string())),
});
export type QemuFacts = z.infer<typeof factsSchema>;

const WITH_OPTIONS = ['intel-iommu', 'amd-iommu', 'virtio-iommu-pci'];
/** How many answers are stored, the newest included. */
const MAX_KEPT = 8;

/**
 * Returns the facts about a binary.
 * @param binary path of QEMU
 * @param memoryFile file with the stored answers
 */
export async function qemuFacts(binary: string, memoryFile: string): Promise<QemuFacts> {
  const path = realpathSync(binary);
  const { size, mtimeMs, ino } = statSync(path);
  const key = `${path} ${size} ${mtimeMs} ${ino}`;
  const known = remembered(memoryFile);
  const answer = known[key];
  if (answer !== undefined) return answer;
  const fresh = await ask(path);
  const kept = Object.entries(known).slice(-MAX_KEPT + 1);
  remember(memoryFile, { ...Object.fromEntries(kept), [key]: fresh });
  return fresh;
}

async function ask(binary: string): Promise<QemuFacts> {
  const models = modelsOf(await helpOf(binary, ['-device', 'help']));
  if (models.length === 0) throw new LabError('QEMU lists no devices for `-device help`', { detail: binary });
  const options: Record<string, string[]> = {};
  for (const model of WITH_OPTIONS.filter((each) => models.includes(each)))
    options[model] = optionsOf(await helpOf(binary, ['-device', `${model},help`]));
  return { models, options };
}

async function helpOf(binary: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand([binary, ...args], { maxOutput: 4 << 20 });
  if (code !== 0) throw new LabError(`QEMU failed on ${args.join(' ')}`, { detail: stderr.slice(-2000) });
  return stdout;
}

/** Parses lines such as `name "virtio-net-pci", bus PCI, alias "virtio-net"`. */
export function modelsOf(help: string): string[] {
  return [...help.matchAll(/^name "([^"\n]{1,80})"/gm)].map(([, name = '']) => name);
}

/** Parses lines such as `  aw-bits=<uint8>        -  (default: 39)`. */
export function optionsOf(help: string): string[] {
  return [...help.matchAll(/^ {2}([A-Za-z0-9_.-]{1,80})=</gm)].map(([, name = '']) => name);
}

function remembered(file: string): Record<string, QemuFacts> {
  return readJson(file, z.record(z.string(), factsSchema)) ?? {};
}

function remember(file: string, facts: Record<string, QemuFacts>): void {
  replaceFile(file, JSON.stringify(facts));
}

/** Options that the IOMMU needs on this QEMU besides those of the plan. */
export function neededOptions({ iommu }: DevicePlan, facts: QemuFacts): Record<string, string> {
  const model = iommuDevice(iommu)?.model ?? '';
  const known = facts.options[model] ?? [];
  return Object.fromEntries(Object.entries(NEEDED_OPTIONS[model] ?? {}).filter(([name]) => known.includes(name)));
}

/**
 * Lists what a plan needs and this QEMU does not have. `device` is the index of the device that needs it; null for the
 * IOMMU.
 */
export function missingInQemu(plan: DevicePlan, facts: QemuFacts): { device: number | null; what: string }[] {
  const missing: { device: number | null; what: string }[] = [];
  const iommu = iommuDevice(plan.iommu);
  if (iommu !== null && !facts.models.includes(iommu.model)) missing.push({ device: null, what: `no ${iommu.model}` });
  else if (iommu !== null) {
    const known = facts.options[iommu.model] ?? [];
    for (const option of Object.keys(iommu.options))
      if (!known.includes(option)) missing.push({ device: null, what: `no ${option} of ${iommu.model}` });
  }
  for (const [index, { model, behind }] of plan.devices.entries()) {
    const name = QEMU_MODELS[model];
    if (!facts.models.includes(name)) missing.push({ device: index, what: `no ${name}` });
    if (behind !== null && !facts.models.includes(ROOT_PORT)) missing.push({ device: index, what: `no ${ROOT_PORT}` });
  }
  return missing;
}
