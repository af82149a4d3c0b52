// SPDX-License-Identifier: Apache-2.0
// The running machine with all its streams: console, readiness marks, monitor, memory. Every wait here ends as soon as
// the machine does.
import { setMaxListeners } from 'node:events';
import type { Finding } from '../../console/index.js';
import { CONSOLE_FILE, COVERAGE_FILE, QMP_SOCKET, READY_FILE, type MachineConfig } from '../../qemu/args.js';
import { missingFeatures } from '../../qemu/features/probe.js';
import type { OpenMemory } from '../../qemu/memory.js';
import { MachineRam, MTREE } from '../../qemu/ram/machine-ram.js';
import type { Taken } from '../../qemu/ram/modules.js';
import { ownRegisters, parseRegisters, type SystemRegisters } from '../../qemu/registers.js';
import type { SandboxOfResult } from '../../model/result/result.js';
import { within } from '../../util/deadline.js';
import { LabError, RunLimit } from '../../util/errors.js';
import { LineSplitter } from '../../util/text/lines.js';
import { whileItMoves } from '../../util/pulse.js';
import { endingOf, MachineEnded, type Ending } from './ending.js';
import { type Implication, KernelConsole } from './kernel-console.js';
import { KexecWatch } from './kexec-watch.js';
import { MachinePulse } from './pulse.js';
import { type Debugger, QEMU_PARTS, type MachineParts, type Monitor, type Process, type Tail } from './parts.js';
import { type ReadyMark, ReadyMarks } from './ready-marks.js';
import type { Recorder } from '../engine/recorder.js';
import type { RunStreams } from '../engine/streams.js';

const QMP_DEADLINE = 30_000;
/** Tries to find a vCPU that is not running a guest. */
const MAX_LOOKS = 16;
/** The live console file is cut at this size; its content has been read by then and is stored, bounded, elsewhere. */
const MAX_LIVE_CONSOLE = 8 << 20;
const MAX_LIVE_READY = 1 << 20;
const MAX_LIVE_TRANSLATIONS = 8 << 20;
/** Characters of a readiness mark. */
const MAX_MARK = 4096;

export class Machine {
  /** Aborted with MachineEnded, or with a LabError if QEMU itself failed. */
  readonly ended: AbortSignal;
  private readonly ram: MachineRam;
  sshPort = 0;
  qemuVersion = '';
  private qmp!: Monitor;
  private readonly end = new AbortController();
  private readonly tails: Tail[];
  private readonly marks = new ReadyMarks();
  /** Detects the running kernel's jump to the next one. */
  readonly kexecWatch = new KexecWatch();
  private readonly console: KernelConsole;
  private stopped: Promise<void> | null = null;
  private debuggerStub: Promise<string> | null = null;
  /** Whether the machine makes progress, and whether the host lets it. */
  readonly pulse: MachinePulse;
  /** A fault of the scenario has stopped all vCPUs. */
  frozen = false;
  /** Somebody else may use QEMU's only debugger stub. */
  isDebugged = false;

  private constructor(
    private readonly config: MachineConfig,
    private readonly process: Process,
    private readonly recorder: Recorder,
    private readonly streams: RunStreams,
    implication: Implication,
    private readonly parts: MachineParts,
  ) {
    this.ended = this.end.signal;
    this.ram = new MachineRam((...where) => parts.openMemory(...where));
    this.console = new KernelConsole(recorder, this.kexecWatch, implication, {
      coldBoot: () => {
        if (!this.marks.resetExpected) this.cameUpCold();
      },
      panic: () => this.endWith({ kind: 'panic', title: 'a kernel panicked', implies: 'panic' }),
    });
    this.pulse = new MachinePulse(() => parts.hostTimes?.(process.pid) ?? null);
    // Every pending request listens for the end.
    setMaxListeners(0, this.ended);
    const lost = (what: string) => (bytes: number) =>
      recorder.event({ kind: 'note', text: `a flood: ${bytes} bytes of the ${what} were not read` });
    const lostConsole = (bytes: number) => {
      lost('console')(bytes);
      // The message that decides the verdict may be among them.
      recorder.witnesses.blind(
        'taint',
        recorder.epoch,
        `${bytes} bytes of the console were not read: the machine wrote them faster than the lab reads`,
      );
    };
    const marks = new LineSplitter((line) => this.takeMark(line), MAX_MARK);
    this.tails = [
      parts.follow({
        path: `${config.dir}/${CONSOLE_FILE}`,
        every: 25,
        keepBelow: MAX_LIVE_CONSOLE,
        onData: (chunk) => this.takeConsole(chunk),
        onLost: lostConsole,
      }),
      parts.follow({
        path: `${config.dir}/${READY_FILE}`,
        every: 10,
        keepBelow: MAX_LIVE_READY,
        onData: (chunk) => marks.feed(chunk),
        onLost: lost('readiness marks'),
      }),
      ...(config.coverage === undefined
        ? []
        : [
            parts.follow({
              path: `${config.dir}/${COVERAGE_FILE}`,
              every: 50,
              keepBelow: MAX_LIVE_TRANSLATIONS,
              onData: (chunk) => streams.translations?.(chunk),
              onLost: (bytes) => streams.translationsLost?.(bytes),
            }),
          ]),
    ];
    process.gone.addEventListener('abort', () => {
      if (this.stopped === null) this.end.abort(process.gone.reason);
    });
  }

  /** Starts QEMU and connects everything. Rejects with LabError if the machine does not start. */
  static async start(
    config: MachineConfig,
    recorder: Recorder,
    streams: RunStreams,
    implication: Implication = ({ implies }) => implies,
    parts: MachineParts = QEMU_PARTS,
  ): Promise<Machine> {
    const process = await parts.start(config);
    const machine = new Machine(config, process, recorder, streams, implication, parts);
    try {
      await machine.connect(`${config.dir}/${QMP_SOCKET}`);
      return machine;
    } catch (first) {
      // A broken monitor socket mostly means that QEMU is exiting: its own error says more.
      const error: unknown = (await process.endedWithin(500)) ? process.gone.reason : first;
      await machine.stop();
      machine.close();
      const { stderr } = await process.exited;
      throw new LabError(`the machine did not start: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
        detail: `${stderr.trim()}\n${process.commandLine}`.trim(),
      });
    }
  }

  get commandLine(): string {
    return this.process.commandLine;
  }

  /** The console's last lines. */
  get consoleTail(): string {
    return this.console.lastLines;
  }

  /** What the kernels reported on the console. */
  get findings(): readonly Finding[] {
    return this.console.findings;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** What QEMU runs in. */
  get sandbox(): SandboxOfResult {
    return this.process.sandbox;
  }

  private async connect(socket: string): Promise<void> {
    this.qmp = await this.parts.openMonitor(socket, {
      deadline: QMP_DEADLINE,
      signal: this.process.gone,
      log: (direction, message) => this.streams.qmp(direction, message),
      onEvent: ({ event, data }) => this.takeEvent(event, data),
    });
    const [mtree, usernet, version] = await Promise.all([
      this.qmp.human(MTREE),
      this.qmp.human('info usernet'),
      this.qmp.run('query-version'),
    ]);
    await this.ram.open(this.qmp, this.process.pid, mtree);
    const port = /HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(usernet)?.[1];
    if (port === undefined) throw new LabError('QEMU forwards no port to the machine', { detail: usernet });
    this.sshPort = Number(port);
    this.qemuVersion = versionText(version);
    await this.seeFeatures(mtree);
  }

  /** Physical memory. */
  get memory(): OpenMemory {
    return this.ram.current;
  }

  /** Adds a memory module. `taken` settles when the machine's kernel has answered, which it may never do. */
  addMemory(bytes: number): Promise<{ taken: Promise<Taken> }> {
    return this.ram.add(this.qmp, this.process.pid, bytes);
  }

  /** Notes which witnesses are blind with this QEMU. */
  private async seeFeatures(mtree: string): Promise<void> {
    const { qmp } = this;
    const asked = {
      run: (name: string, args: Record<string, unknown>) => qmp.run(name, args),
      human: (line: string) => (line === MTREE ? Promise.resolve(mtree) : qmp.human(line)),
    };
    const { hardware = null, trace = [] } = this.config;
    const traced = trace.length > 0 ? hardware : null;
    for (const { blinds, why, hint } of await missingFeatures(asked, traced))
      for (const witness of blinds) this.recorder.witnesses.blindThroughout(witness, why, hint);
  }

  // -- waiting

  /** Waits until user space of the kernel of `epoch` is up. Rejects with MachineEnded, NoProgress or LabError. */
  async untilReady(epoch: number, ms: number): Promise<ReadyMark> {
    const mark = await this.until(this.marks.of(epoch), ms, `readiness mark of epoch ${epoch}`);
    for (const tail of this.tails) tail.look();
    this.console.reached(epoch);
    return mark;
  }

  /** Reads all console output so far, and ends a report that is still being printed. */
  readConsole(): void {
    for (const tail of this.tails) tail.look();
    this.console.flush();
  }

  /** Resets the machine on purpose: the first kernel boots again, cold. Waits for its user space. */
  async reboot(ms: number): Promise<ReadyMark> {
    const up = this.marks.afterReset();
    // By default a reset stops the machine, so that none goes unseen (qemu/args.ts).
    await this.qmp.run('set-action', { reboot: 'reset' });
    await this.qmp.run('system_reset');
    return this.until(up, ms, 'readiness mark after a reset');
  }

  /** Waits for the old kernel's last line before the jump, or the next kernel's first one. */
  async untilKexecStarts(ms: number): Promise<void> {
    return this.until(this.kexecWatch.left, ms, 'beginning of the kexec on the console');
  }

  /**
   * Waits for something that the machine does.
   * @param ms milliseconds that it may go without progress
   */
  until<T>(what: Promise<T>, ms: number, name: string): Promise<T> {
    return whileItMoves(what, { ms, what: name, pulse: this.pulse, signal: this.ended });
  }

  /**
   * After an ending: waits until the console has been quiet for a moment, then reads the rest. The real oops often
   * comes last.
   */
  async settle(): Promise<void> {
    const until = performance.now() + 1500;
    while (performance.now() < until && this.console.quietMs < 150)
      await new Promise((resolve) => setTimeout(resolve, 25));
    for (const tail of this.tails) tail.look();
    this.console.end();
  }

  // -- acting on it

  /** The registers of a vCPU that runs the machine's own kernel, if there is one: each may be running a guest. */
  async registers(): Promise<SystemRegisters | null> {
    let text = '';
    for (let tries = 0; tries < MAX_LOOKS; tries++) {
      text = await this.qmp.human('info registers -a');
      const own = ownRegisters(text);
      if (own !== null) return own;
    }
    return parseRegisters(text);
  }

  /**
   * Opens QEMU's debugger stub for somebody else, who may use it from now on.
   * @returns the socket's path
   */
  openDebugger(): Promise<string> {
    this.isDebugged = true;
    return this.stub();
  }

  /** QEMU opens the stub once, and listens again after each use. */
  private stub(): Promise<string> {
    return (this.debuggerStub ??= this.openStub().catch((error: unknown) => {
      // A later request may succeed.
      this.debuggerStub = null;
      throw error;
    }));
  }

  /** Connects to the debugger stub, which stops the machine. */
  async attachDebugger(): Promise<Debugger> {
    return this.parts.attachDebugger(await this.stub());
  }

  private async openStub(): Promise<string> {
    const path = `${this.config.dir}/gdb.sock`;
    const answer = await this.human(`gdbserver unix:${path},server=on,wait=off`);
    if (/error|could not|fail/i.test(answer))
      throw new LabError('QEMU opens no debugger stub', { detail: answer.trim() });
    return path;
  }

  /** Runs a command of the human monitor. */
  async human(commandLine: string): Promise<string> {
    return this.qmp.human(commandLine);
  }

  async command(name: string, args: Record<string, unknown> = {}): Promise<unknown> {
    return this.qmp.run(name, args);
  }

  /** Why the machine ended, if it does so within `ms`; else null. */
  async endedWithin(ms: number): Promise<unknown> {
    await within(new Promise(() => undefined), {
      ms,
      what: 'end of the machine',
      whose: 'machine',
      signal: this.ended,
    }).catch(() => undefined);
    return this.ended.aborted ? this.ended.reason : null;
  }

  /** The run has reached its own limit: every wait ends now. */
  expire(ms: number): void {
    this.end.abort(new RunLimit(ms));
  }

  /** Ends the machine and reads its last output. A second call waits for the same end. */
  stop(): Promise<void> {
    return (this.stopped ??= this.stopOnce());
  }

  private async stopOnce(): Promise<void> {
    this.pulse.end();
    // Every pending wait is in vain now.
    this.end.abort(new LabError('the machine was ended by the lab'));
    this.qmp?.close();
    await this.process.kill();
    for (const tail of this.tails) tail.stop();
    this.console.end();
  }

  /** Closes the machine's memory, which can still be read after `stop`. */
  close(): void {
    this.ram.close();
  }

  // -- what the machine says

  private takeConsole(chunk: Buffer): void {
    this.streams.console(chunk);
    this.pulse.console(chunk);
    this.console.take(chunk);
  }

  private takeMark(line: string): void {
    if (!this.ended.aborted && !this.marks.take(line, this.recorder.epoch)) this.cameUpCold();
  }

  private cameUpCold(): void {
    this.endWith({ kind: 'cold-boot', title: 'the machine came up cold', implies: 'reboot' });
  }

  private takeEvent(event: string, data: unknown): void {
    this.recorder.event({ kind: 'qmp', event, data });
    this.ram.take(event, data);
    if (event === 'STOP' || event === 'RESUME') this.pulse.pause(event === 'STOP' && !this.frozen);
    const ending = endingOf(event, data);
    if (ending !== null && this.stopped === null && !(this.marks.resetExpected && ending.kind === 'reset'))
      this.endWith(ending);
  }

  private endWith(ending: Ending): void {
    if (this.stopped !== null) return;
    this.recorder.incident({
      source: ending.kind === 'cold-boot' ? 'console' : 'qmp',
      side: 'outside',
      implies: ending.implies,
      title: ending.title,
      detail: '',
    });
    this.end.abort(new MachineEnded(ending));
  }
}

function versionText(reply: unknown): string {
  const { qemu, package: build } = reply as { qemu: { major: number; minor: number; micro: number }; package: string };
  return `${qemu.major}.${qemu.minor}.${qemu.micro}${build ? ` (${build})` : ''}`;
}
