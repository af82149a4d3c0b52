// SPDX-License-Identifier: Apache-2.0
// What is stored about a QEMU binary. A shell script stands for QEMU.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hardwareArgs } from '../../src/qemu/hardware.js';
import { neededOptions, qemuFacts } from '../../src/qemu/probe.js';
import { parseScenario } from '../../src/scenario/index.js';
import { temporaryFolder } from '../util/temporary.js';

it.each(['null', '{', '"models"', 'KEY:null', 'KEY:{"models":"all"}', 'KEY:{"models":["a"],"options":{"a":"b"}}'])(
  'the binary is asked again if the stored facts are damaged: %s',
  async (damage) => {
    const dir = temporaryFolder();
    const [binary, file] = [join(dir, 'qemu'), join(dir, 'facts.json')];
    writeFileSync(binary, '#!/bin/sh\necho \'name "e1000e", bus PCI\'\n');
    chmodSync(binary, 0o755);
    const asked = { models: ['e1000e'], options: {} };
    expect(await qemuFacts(binary, file)).toEqual(asked);
    const [[key] = ['']] = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>);
    writeFileSync(file, JSON.stringify({ [key]: { models: ['stored'], options: {} } }));
    expect(await qemuFacts(binary, file)).toEqual({ models: ['stored'], options: {} });
    writeFileSync(file, damage.startsWith('KEY:') ? `{${JSON.stringify(key)}:${damage.slice(4)}}` : damage);
    expect(await qemuFacts(binary, file)).toEqual(asked);
  },
);

it.each<[string, string[], Record<string, string>, string]>([
  ['amd', ['intremap', 'dma-remap'], { 'dma-remap': 'on' }, 'amd-iommu,intremap=off,dma-remap=on'],
  ['amd', ['intremap'], {}, 'amd-iommu,intremap=off'],
  ['intel', ['intremap', 'aw-bits', 'dma-remap'], {}, 'intel-iommu,intremap=on,aw-bits=39'],
])('an IOMMU of kind %s translates on a QEMU with the options %j', (kind, known, needed, argument) => {
  const { hardware } = parseScenario(`from: a\nto: b\niommu: ${kind}\nsessions: [{name: s}]\n`, 'x.yaml');
  const facts = { models: [`${kind}-iommu`], options: { [`${kind}-iommu`]: known } };
  expect(neededOptions(hardware, facts)).toEqual(needed);
  expect(hardwareArgs(hardware, '/run', neededOptions(hardware, facts))[1]).toBe(argument);
});
