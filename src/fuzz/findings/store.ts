// SPDX-License-Identifier: Apache-2.0
// Findings on disk: a folder for each title. Every file is written whole, so a kill leaves the last state, from which
// the same command continues.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FINDING_STATES } from '../../model/hunt/hunt.js';
import { OUTCOMES } from '../../model/result/outcome.js';
import { writeWhole } from '../../store/write-whole.js';
import { readJson } from '../../util/read-json.js';
import { GENERATORS, type Input } from '../input.js';
import { keyOf } from './judge.js';

export const findingSchema = z.object({
  name: z.string(),
  outcome: z.enum(OUTCOMES),
  title: z.string(),
  generator: z.enum(GENERATORS),
  versionsValid: z.boolean(),
  kernels: z.array(z.string()),
  /** Number of the input that showed it first, and the seed: together they give it again. */
  input: z.number().int(),
  seed: z.number().int(),
  /** `found`: not confirmed yet. */
  state: z.enum(FINDING_STATES),
  /** Runs from a boot, and those that ended in the same way. */
  runs: z.number().int(),
  seen: z.number().int(),
  /** The known finding that it is. */
  reference: z.string().nullable(),
  minimal: z.boolean(),
  /** How it ends from a kernel to itself, by the kernel's name. */
  others: z.record(z.string(), z.string()),
  /** Path of a kept run, within the folder of the finding. */
  run: z.string().nullable(),
});
export type Finding = z.output<typeof findingSchema>;

export class FindingStore {
  private readonly all = new Map<string, Finding>();

  constructor(private readonly folder: string) {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder).sort()) {
      const finding = readJson(join(folder, name, 'finding.json'), findingSchema);
      if (finding !== null && finding.name === name) this.all.set(keyOf(finding), finding);
    }
  }

  get list(): Finding[] {
    return [...this.all.values()];
  }

  has(finding: Pick<Finding, 'outcome' | 'title'>): boolean {
    return this.all.has(keyOf(finding));
  }

  pathOf({ name }: Pick<Finding, 'name'>): string {
    return join(this.folder, name);
  }

  add(
    { text, generator, versionsValid, scenario }: Input,
    finding: Pick<Finding, 'outcome' | 'title' | 'input' | 'seed'>,
  ): Finding {
    const whole: Finding = {
      ...finding,
      name: nameOf(finding),
      generator,
      versionsValid,
      kernels: [...scenario.kernels],
      state: 'found',
      runs: 0,
      seen: 0,
      reference: null,
      minimal: false,
      others: {},
      run: null,
    };
    // The scenario comes first: what has a finding.json can be confirmed.
    writeWhole(join(this.pathOf(whole), 'scenario.yaml'), text);
    this.save(whole);
    return whole;
  }

  save(finding: Finding): void {
    writeWhole(join(this.pathOf(finding), 'finding.json'), `${JSON.stringify(finding, null, 2)}\n`);
    this.all.set(keyOf(finding), finding);
  }

  write(finding: Finding, file: 'scenario.yaml' | 'report.txt' | 'explanation.txt', text: string): void {
    writeWhole(join(this.pathOf(finding), file), text);
  }
}

function nameOf(finding: Pick<Finding, 'outcome' | 'title'>): string {
  const words = keyOf(finding)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return `${words.slice(0, 60)}-${createHash('sha256').update(keyOf(finding)).digest('hex').slice(0, 6)}`;
}
