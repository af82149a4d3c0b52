// SPDX-License-Identifier: Apache-2.0
// QEMU's trace may be understood, empty, worded differently or too long. The witness is blind wherever a gap or a reset
// could be missed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { pciEvents } from '../../../src/oracles/pci/trace.js';
import { parseTraceLine } from '../../../src/util/text/trace-line.js';
import { DeviceState } from '../../../src/run/state/device.js';
import { blindnessOf, witnessIommu } from '../../../src/run/devices/iommu/witness.js';
import { Recorder } from '../../../src/run/engine/recorder.js';
import { TraceLog } from '../../../src/run/devices/trace.js';
import { parseScenario } from '../../../src/scenario/index.js';
import { startClock } from '../../../src/util/clock.js';

const scenario = parseScenario(
  'from: a\nto: b\niommu: intel\nsessions: [{name: s, files: [{name: f, memfd: 1MiB}]}]\n' +
    'devices: [{name: e, device: edu, at: "05.0", map: [{file: s/f, iova: 0x100000}]}]\n',
  'x.yaml',
);
const open: { dir: string; trace: TraceLog }[] = [];

afterEach(() => {
  for (const { dir, trace } of open.splice(0)) {
    trace.stop();
    rmSync(dir, { recursive: true });
  }
});

/** A line of QEMU 7.2 (`old`), or of one that gives all messages one prefix. @param at seconds before now */
type Format = (at: number, text: string) => string;
const old: Format = (at, text) => `4711@${((Date.now() - at * 1000) / 1000).toFixed(6)}:${text}`;
const iso: Format = (at, text) => `${new Date(Date.now() - at * 1000).toISOString().replace('Z', '000Z')} ${text}`;
const named: Format = (at, text) => iso(at, `qemu-system-x86_64(4711:main): ${text}`);

const MASTER = 'pci_cfg_write edu 00:05.0 @0x4 <- 0x6';
const ON = 'vtd_dmar_enable enable 1';
const OFF = 'vtd_dmar_enable enable 0';
const FLR = 'pci_cfg_write nvme 00:06.0 @0x88 <- 0x8000';

/** @param agedMs how long ago the run began */
function follow(lines: readonly string[], agedMs = 60_000) {
  const dir = mkdtempSync(join(tmpdir(), 'lab-trace-'));
  writeFileSync(join(dir, 'trace.log'), lines.map((line) => `${line}\n`).join(''));
  const clock = startClock();
  const recorder = new Recorder({ ...clock, now: () => clock.now() + agedMs }, () => undefined);
  const trace = TraceLog.follow(scenario.hardware, dir, recorder);
  if (trace === null) throw new Error('nothing is traced');
  trace.look();
  open.push({ dir, trace });
  return { trace, recorder };
}

function blind(lines: readonly string[], { translating }: { translating: boolean | null } = { translating: true }) {
  const { trace, recorder } = follow(lines);
  trace.sawRegisters({ translating, from: recorder.clock.now() });
  return blindnessOf(trace, 'intel');
}

describe('a trace that is understood', () => {
  it.each([
    ['QEMU 7.2', old],
    ['one prefix for all messages', iso],
    ['a prefix with program and thread', named],
  ] as const)('%s', (_, format) => {
    expect(blind([format(9, MASTER), format(8, ON)])).toBeNull();
    expect(parseTraceLine(format(8, ON))).toMatchObject({ name: 'vtd_dmar_enable', text: 'enable 1' });
  });

  it('a flood of writes that say nothing of resets hides none', () => {
    const flood = Array.from({ length: 60_000 }, (_, i) =>
      old(7, `pci_cfg_write edu 00:05.0 @0x54 <- 0x${(i & 0x7fff).toString(16)}`),
    );
    const { trace, recorder } = follow([old(9, MASTER), old(8, ON), ...flood, old(6, FLR), old(5, FLR)]);
    trace.sawRegisters({ translating: true, from: recorder.clock.now() });
    expect(blindnessOf(trace, 'intel')).toBeNull();
    expect(
      pciEvents(trace.items, { address: '00:06.0', bridge: null, express: 0x80 }).filter(
        ({ what }) => what === 'reset',
      ),
    ).toHaveLength(2);
  });

  it('a switch a moment ago contradicts nothing', () => {
    expect(blind([old(9, MASTER), old(8, ON), old(0.05, OFF)])).toBeNull();
  });

  it('nor does one while the registers were read, however long that took', () => {
    const { trace, recorder } = follow([old(9, MASTER), old(8, ON), old(2, OFF)]);
    trace.sawRegisters({ translating: true, from: recorder.clock.now() - 3_000 });
    expect(blindnessOf(trace, 'intel')).toBeNull();
  });
});

describe('a trace that shows nothing', () => {
  it.each([
    ['nothing at all', [], true, 'no trace at all'],
    ['nothing of the IOMMU', [old(9, MASTER)], true, 'never says that translation went on'],
    ['nothing of configuration space', [old(8, ON)], true, 'no write to configuration space'],
    [
      'lines in another format',
      [old(9, MASTER), old(8, ON), 'vtd_dmar_enable(enable=0)'],
      true,
      "1 lines of QEMU's trace are not understood, the first: vtd_dmar_enable(enable=0)",
    ],
    [
      'an event with other arguments',
      [old(9, MASTER), old(8, ON), old(7, 'vtd_dmar_enable enable off')],
      true,
      'are not understood',
    ],
    [
      'a write to configuration space in other words',
      [old(9, MASTER), old(8, ON), old(7, 'pci_cfg_write edu bus 0 slot 5')],
      true,
      'are not understood',
    ],
    [
      'a switch is missing, on in truth',
      [old(9, MASTER), old(8, ON), old(7, OFF)],
      true,
      "registers say that translation is on, and QEMU's trace says that it is off",
    ],
    [
      'a switch is missing, off in truth',
      [old(9, MASTER), old(8, ON)],
      false,
      "registers say that translation is off, and QEMU's trace says that it is on",
    ],
    ['registers that do not answer', [old(9, MASTER), old(8, ON)], null, 'could not be read'],
  ] as const)('%s', (_, lines, translating, why) => {
    expect(blind(lines, { translating })).toMatchObject({ why: expect.stringContaining(why) as string, useless: true });
  });

  it('no file', () => {
    const { trace } = follow([old(9, MASTER), old(8, ON)]);
    const empty = TraceLog.follow(
      scenario.hardware,
      join(open[0]!.dir, 'nowhere'),
      new Recorder(startClock(), () => undefined),
    ) as TraceLog;
    open.push({ dir: mkdtempSync(join(tmpdir(), 'lab-trace-')), trace: empty });
    expect(blindnessOf(empty, 'intel')).toMatchObject({ why: 'QEMU wrote no trace at all' });
    expect(blindnessOf(trace, 'intel')).toBeNull();
  });

  it('what a flood pushed out', () => {
    const { trace } = follow([old(9, MASTER), old(8, ON)]);
    trace.lostBytes = 4096;
    expect(blindnessOf(trace, 'intel')).toMatchObject({
      why: expect.stringContaining('4096 bytes') as string,
      useless: false,
    });
  });

  it('more resets than can be kept', () => {
    expect(blind([old(9, MASTER), old(8, ON), ...Array.from({ length: 50_000 }, () => old(7, FLR))])).toMatchObject({
      why: expect.stringContaining('a reset may be among them') as string,
    });
  });

  it('more switches of the translation than can be kept', () => {
    const flood = Array.from({ length: 12_000 }, (_, i) => old(7, i % 2 === 0 ? OFF : ON));
    expect(blind([old(9, MASTER), old(8, ON), ...flood])).toMatchObject({
      why: expect.stringContaining('switches of the translation') as string,
    });
  });
});

describe('the verdict', () => {
  function missing(lines: readonly string[], { used }: { used: boolean }) {
    const { trace, recorder } = follow(lines);
    const device = new DeviceState(scenario.hardware.devices[0]!);
    device.everOpen = used;
    const believed = witnessIommu({
      recorder,
      trace,
      plan: { scenario },
      state: { devices: new Map([['e', device]]) },
    });
    return { believed, missing: recorder.witnesses.missing(), report: recorder.witnesses.report().iommu };
  }

  it('does not become good where the trace was silent', () => {
    expect(missing([], { used: true })).toMatchObject({
      believed: false,
      missing: [
        {
          witness: 'iommu',
          why: 'QEMU wrote no trace at all',
          hint: expect.stringContaining('another QEMU') as string,
        },
      ],
    });
  });

  it('may be good where it looked, and says how much it saw', () => {
    expect(missing([old(9, MASTER), old(8, ON)], { used: true })).toMatchObject({
      believed: true,
      missing: [],
      report: { looked: true, counted: 2, required: true },
    });
  });

  it('needs it for no device that nobody used', () => {
    expect(missing([], { used: false })).toMatchObject({ believed: true, missing: [] });
  });
});
