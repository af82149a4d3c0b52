// SPDX-License-Identifier: Apache-2.0
// Every shipped scenario, spelt out, is the same scenario: same names, tokens, seeds, steps.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../../src/model/scenario/scenario.js';
import { textOf } from '../../../src/repro/minimise/data.js';
import { ownData } from '../../../src/repro/minimise/origin.js';
import { spellOutFiles, spellOutSessions, spellOutSteps } from '../../../src/repro/minimise/spell-out.js';
import { MAX_FILE_BYTES } from '../../../src/scenario/source/read-text.js';
import { parseScenario } from '../../../src/scenario/index.js';

const FOLDER = join(import.meta.dirname, '../../../scenarios');
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml') && !/^(matrix|profiles)\/|^fuzz\/[^/]*$/.test(name))
  .map((name) => join(FOLDER, name));

/** All but where things are written. */
const essence = ({ steps, kernels, machine, cmdlines, reserveMem, hardware }: Scenario): unknown =>
  JSON.parse(
    JSON.stringify({ kernels, machine, cmdlines, reserveMem, hardware, steps }, (key, value: unknown) =>
      key === 'pos' ? undefined : value,
    ),
  );

describe('a scenario spelt out is the same', () => {
  it.each(files)('%s', (file) => {
    const text = readFileSync(file, 'utf8');
    const before = parseScenario(text, file);
    const data = spellOutFiles(
      spellOutSessions(spellOutSteps(ownData(text, file, before.name, before.kernels, join(FOLDER)))),
    );
    const out = textOf(data);
    // The largest would only take long.
    if (Buffer.byteLength(out) > MAX_FILE_BYTES / 4) return;
    expect(essence(parseScenario(out, join(FOLDER, 'out.yaml')))).toEqual(essence(before));
  });

  it('with seeds, tokens and templates of its own', () => {
    const text =
      'from: a\nto: b\nsessions:\n' +
      '  - {name: "v{i}", count: 3, files: [{name: "x{i}", memfd: 4KiB, count: 2, token: 7, seed: 5}, ' +
      '{memfd: 8KiB, seed: 100}]}\n';
    const before = parseScenario(text, 'x.yaml');
    const data = spellOutFiles(spellOutSessions(ownData(text, 'x.yaml', 'x', before.kernels, '.')));
    expect(essence(parseScenario(textOf(data), 'y.yaml'))).toEqual(essence(before));
  });
});
