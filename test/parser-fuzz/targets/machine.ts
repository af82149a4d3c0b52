// SPDX-License-Identifier: Apache-2.0
// What a machine under test and its QEMU say while it runs.
import { EventEmitter } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { ConsoleScanner, plainText, terminalSafe } from '../../../src/console/index.js';
import { Agent, type AgentReply, readReply } from '../../../src/guest/agent.js';
import { parseTimeline, readRegisters } from '../../../src/oracles/iommu/index.js';
import { meaningOf, parseConfigWrite } from '../../../src/oracles/pci/trace.js';
import { ramRanges } from '../../../src/qemu/memory.js';
import { ecamBase, parseDump, pciAddress, pciNodes } from '../../../src/qemu/pci.js';
import { Qmp } from '../../../src/qemu/qmp.js';
import { ownRegisters, parseRegisters } from '../../../src/qemu/registers.js';
import { deliverable, parseVcpus } from '../../../src/qemu/vcpus.js';
import { framesOf } from '../../../src/repro/explain/trace.js';
import { runsOf } from '../../../src/run/agent/operations.js';
import { pagesIn } from '../../../src/run/agent/pages-of-file.js';
import { reportOf } from '../../../src/run/agent/reported.js';
import { statGuest } from '../../../src/run/guests/calls.js';
import { parseKtap } from '../../../src/util/text/ktap.js';
import { parseTraceLine } from '../../../src/util/text/trace-line.js';
import { mutateBytes, mutateText } from '../mutate/bytes.js';
import { mutateJsonLines } from '../mutate/lines.js';
import { mutateJson } from '../mutate/tree.js';
import { isRefusal, type Target } from '../target.js';
import { filesOf, sample, sampleLines, workFolder } from './samples.js';

/** Readers of single answers; each refuses an answer that makes no sense. */
const ANSWERS: readonly ((reply: AgentReply) => unknown)[] = [
  (reply) => runsOf(reply, 2 ** 30),
  (reply) => pagesIn(reply, 2 ** 30),
  reportOf,
  readGuest,
];

async function readGuest(reply: AgentReply): Promise<unknown> {
  const clock = { now: () => 1000 };
  const agents = { call: () => Promise.resolve(reply), holder: () => agents, client: () => agents };
  const parts = { agents, recorder: { clock, epoch: 0 }, state: { pausedMs: 0, agentClock: null } };
  return statGuest(parts as never, 'vm0');
}

function channel(): EventEmitter & { stderr: EventEmitter; write: () => void; destroy: () => void } {
  return Object.assign(new EventEmitter(), {
    stderr: new EventEmitter(),
    write: () => undefined,
    destroy: () => undefined,
  });
}

/** Answers to three requests, in pieces, and the end of the channel. */
async function talk(input: Buffer): Promise<void> {
  const ssh = channel();
  const agent = new Agent(ssh, () => undefined);
  const requests = ['stat', 'pfns', 'kexec'].map((op) => agent.request(op, {}, 60_000));
  const settled = Promise.allSettled(requests);
  const cut = input.length >> 1;
  ssh.emit('data', input.subarray(0, cut));
  ssh.stderr.emit('data', input.subarray(0, 100));
  ssh.emit('data', Buffer.concat([input.subarray(cut), Buffer.from('\n')]));
  ssh.emit('close');
  crashesOf(await settled);
}

/** Requests may be refused; anything else is a crash. */
function crashesOf(ended: readonly PromiseSettledResult<unknown>[]): void {
  for (const each of ended) if (each.status === 'rejected' && !isRefusal(each.reason)) throw each.reason;
}

async function answer(input: Buffer): Promise<void> {
  const reply = readReply(input.toString('utf8'));
  if (reply === null) return;
  const ended = await Promise.allSettled(ANSWERS.map(async (read) => read(reply)));
  crashesOf(ended);
}

let monitor: { path: string; say: Buffer } | null = null;

/** A monitor that says the input as soon as somebody connects, and hangs up. */
async function qmp(input: Buffer): Promise<void> {
  if (monitor === null) {
    const path = join(workFolder(), 'qmp.sock');
    mkdirSync(workFolder(), { recursive: true });
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined);
      // The first request ends the negotiation; the input is the answer to all others.
      socket.write('{"QMP": {}}\n');
      socket.once('data', () => {
        socket.write('{"return": {}, "id": 1}\n');
        socket.once('data', () => socket.end(monitor?.say ?? ''));
      });
    });
    await new Promise<void>((resolve) => void server.listen(path, resolve));
    server.unref();
    monitor = { path, say: input };
  }
  monitor.say = Buffer.concat([input, Buffer.from('\n')]);
  const hooks = { onEvent: () => undefined, log: () => undefined, signal: new AbortController().signal };
  const opened = await Qmp.open(monitor.path, { ...hooks, deadline: 5000 });
  try {
    crashesOf(await Promise.allSettled([opened.run('query-pci'), opened.human('info mtree'), opened.run('x')]));
  } finally {
    opened.close();
  }
}

/** Texts of the human monitor, and the reply to query-pci, by any of their readers. */
function monitorText(input: Buffer): void {
  const text = input.toString('utf8');
  for (const read of [parseRegisters, ownRegisters, parseVcpus, deliverable, ecamBase, parseDump, ramRanges])
    read(text);
}

function pci(input: Buffer): void {
  let reply: unknown;
  try {
    reply = JSON.parse(input.toString('utf8'));
  } catch {
    return;
  }
  for (const node of pciNodes(reply)) pciAddress(node);
}

function consoleText(input: Buffer): void {
  const scanner = new ConsoleScanner();
  for (let at = 0; at < input.length; at += 1000) {
    scanner.feed(input.subarray(at, at + 1000));
    if (at % 7 === 0) scanner.flush();
  }
  scanner.reached(2);
  scanner.end();
  for (const { finding } of scanner.summary().findings) framesOf(finding.text);
  const text = input.toString('utf8');
  terminalSafe(text);
  plainText(text);
}

function trace(input: Buffer): void {
  const text = input.toString('utf8');
  for (const line of text.split('\n')) {
    const parsed = parseTraceLine(line);
    const write = parsed === null ? null : parseConfigWrite(parsed.text);
    if (write !== null) meaningOf(write);
  }
  parseTimeline(text);
}

function registers(input: Buffer): void {
  const words = parseDump(input.toString('utf8'));
  for (const iommu of ['intel', 'amd'] as const) readRegisters(iommu, words);
}

const KTAP = [
  'TAP version 13\n1..3\n# Starting\nok 1 basic\nnot ok 2 stress # SKIP no memory\nok 3 a # TODO later\n',
  'KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 first\n    # a note\n  not ok 2 second\nok 1 suite\n' +
    'Bail out! no\n',
];
const REGISTERS = `CPU#0\r\nRAX=0000000000000000 RIP=ffffffff814fb113 RFL=00000246 [---Z-P-] CPL=0 HLT=1\r
CR0=80050033 CR2=0 CR3=0000000002a0c000 CR4=000006b0\r\nEFER=0000000000000d01\r\nISR\t (none)\r\nIRR\t 236 40(level)\r
APR 0x01 TPR 0x10 DFR 0x0f LDR 0x00 PPR 0x10\r\n`;
const MTREE = `FlatView #1\r\n AS "memory", root: system\r\n Root memory region: system\r
  0000000000000000-00000000000bffff (prio 0, ram): ram\r
  0000000000100000-000000003fffffff (prio 0, ram): ram @0000000000100000\r
  00000000b0000000-00000000bfffffff (prio 0, i/o): pcie-mmcfg-mmio\r
  00000000fed00000-00000000fed003ff (prio 0, i/o): hpet\r\n`;
const PCI = JSON.stringify([
  {
    bus: 0,
    devices: [
      {
        bus: 0,
        slot: 2,
        function: 0,
        qdev_id: 'dev0',
        irq_pin: 1,
        irq: 11,
        class_info: { class: 1536, desc: 'Host bridge' },
        id: { device: 4096, vendor: 6966 },
        regions: [{ bar: 0, type: 'memory', address: 4273995776, size: 65536, prefetch: false, mem_type_64: true }],
        pci_bridge: {
          bus: { number: 0, secondary: 1, subordinate: 1 },
          devices: [{ bus: 1, slot: 0, function: 0, qdev_id: '', class_info: { class: 255 }, id: {}, regions: [] }],
        },
      },
    ],
  },
]);

const consoles = (): Buffer[] => {
  const logs = filesOf('test/console/golden', '.log');
  return [...logs.map((log) => log.subarray(0, 4096)), ...logs.map((log) => log.subarray(-6000))];
};

export const MACHINE: readonly Target[] = [
  {
    name: 'agent',
    seeds: () => [sample('agent.txt')],
    mutate: mutateJsonLines,
    maxBytes: 65536,
    parse: talk,
    weight: 1.2,
  },
  {
    name: 'agent-answer',
    seeds: () => sampleLines('agent.txt'),
    mutate: mutateJson,
    maxBytes: 65536,
    parse: answer,
    weight: 8,
  },
  { name: 'qmp', seeds: () => [sample('qmp.txt')], mutate: mutateJsonLines, maxBytes: 65536, parse: qmp, weight: 0.6 },
  { name: 'qmp-pci', seeds: () => [Buffer.from(PCI)], mutate: mutateJson, maxBytes: 65536, parse: pci, weight: 12 },
  {
    name: 'monitor-text',
    seeds: () => [Buffer.from(REGISTERS), Buffer.from(MTREE), ...sampleLines('qmp.txt').slice(5, 6)],
    mutate: mutateText,
    maxBytes: 65536,
    parse: monitorText,
    weight: 12,
  },
  {
    name: 'register-dump',
    seeds: () => [Buffer.from('00000000fed90000: 0x00000010 0x00000000\r\n')],
    mutate: mutateText,
    maxBytes: 4096,
    parse: registers,
    weight: 8,
  },
  { name: 'console', seeds: consoles, mutate: mutateText, maxBytes: 65536, parse: consoleText, weight: 1 },
  { name: 'console-bytes', seeds: consoles, mutate: mutateBytes, maxBytes: 65536, parse: consoleText, weight: 1 },
  {
    name: 'trace',
    seeds: () => filesOf('test/oracles/iommu/golden', '.trace', 8192),
    mutate: mutateText,
    maxBytes: 65536,
    parse: trace,
    weight: 4,
  },
  {
    name: 'ktap',
    seeds: () => KTAP.map((text) => Buffer.from(text)),
    mutate: mutateText,
    maxBytes: 65536,
    parse: (input) => parseKtap(input.toString('utf8')),
    weight: 6,
  },
];
