// SPDX-License-Identifier: Apache-2.0
// A fake machine in place of QEMU: it boots, prints on its console, sends its readiness mark, jumps into its next
// kernel and ends, all by the clock of the test. The lab's own code runs as with a real machine.
import type { AgentChannel } from '../../src/guest/agent.js';
import type { Port, SavedPort } from '../../src/guest/port.js';
import type { Rung } from '../../src/model/result/snapshot.js';
import type { ExecResult } from '../../src/guest/session.js';
import type { RunParts } from '../../src/run/machine/parts.js';
import type { Debugger, MachineParts, Process, Tail } from '../../src/run/machine/parts.js';
import type { HostTimes } from '../../src/qemu/host-time.js';
import type { QemuExit } from '../../src/qemu/process.js';
import { READY_FILE } from '../../src/qemu/args.js';
import { LabError } from '../../src/util/errors.js';
import type { TailOptions } from '../../src/util/process/tail.js';
import { argsOf, FakeSession, type Reaction, type Request } from './agent.js';
import { FakeKernel } from './kernel.js';
import { FakeMonitor } from './monitor.js';
import { FakeRam } from './ram.js';
import * as words from './words.js';

/** What a test makes the machine do differently. */
export interface Script {
  /** A kernel begins to boot. */
  booting?(machine: FakeMachine, epoch: number): void;
  /** A kernel has begun its kexec and has not printed it yet. */
  leaving?(machine: FakeMachine, epoch: number): void;
  /** The next kernel has control and has not printed anything yet. */
  entering?(machine: FakeMachine): void;
  /** How the agent reacts; null for the kernel's own answer. */
  request?(machine: FakeMachine, request: Request): Reaction | null;
  /** Runs a command over SSH; null where it never ends. */
  exec?(machine: FakeMachine, command: string): ExecResult | null;
}

/** Files that the machine writes. */
type Written = 'console' | 'ready';

/** TAINT_DIE: the taint of a kernel after an oops. */
const DIE = 1n << 7n;

/** Times of the machine in milliseconds. */
const BOOT = 1500;
const LEAVE = 200;
const KILL = 40;

export class FakeMachine {
  readonly ram = new FakeRam();
  readonly monitor = new FakeMonitor(this);
  kernel = new FakeKernel(this.ram, 0, 'boot-0', words.release(0));
  requests = 0;
  /** True where the machine makes no progress although QEMU runs. */
  stoodStill = false;
  running = true;
  private keptWaitingSince: number | null = null;
  /** It was resumed, and nobody has continued it yet. */
  private standing: { go: () => void } | null = null;
  /** Called when a kernel reaches the jump; null without a breakpoint there. */
  private breakpoint: (() => void) | null = null;
  /** Continues the jump of a machine that has stopped there. */
  private atBreakpoint: (() => void) | null = null;
  private readonly sessions: FakeSession[] = [];
  private readonly tails = new Map<Written, FakeTail>();
  /** Data that was written before the file was followed. */
  private readonly before: Record<Written, string> = { console: '', ready: '' };
  private readonly goneBy = new AbortController();
  private exit: (exit: QemuExit) => void = () => undefined;
  private boots = 0;
  /** Counts boots: timers of an earlier boot do nothing. */
  private life = 0;

  constructor(readonly script: Script) {}

  get parts(): RunParts {
    return { machine: this.machineParts, openPort: () => this.openPort(), connect: async () => this.session() };
  }

  // -- for scripts
  // ----------------------------------------------------------------------------------------------

  /** The kernel prints on its console. */
  say(text: string): void {
    this.write('console', text);
  }

  panic(): void {
    this.say(words.PANIC);
    this.stand();
    this.monitor.emit('GUEST_PANICKED', { action: 'pause' });
  }

  /** The kernel oopses, marks itself, and goes on. */
  oops(): void {
    this.say(words.OOPS);
    this.ram.taint(DIE);
  }

  /** The machine resets, as after a triple fault. */
  reset(): void {
    this.stand();
    this.monitor.emit('SHUTDOWN', { guest: true, reason: 'guest-reset' });
  }

  private write(file: Written, text: string): void {
    const tail = this.tails.get(file);
    if (tail === undefined) this.before[file] += text;
    else tail.feed(text);
  }

  /** The machine stops making progress. */
  stand(): void {
    this.stoodStill = true;
    this.life++;
    for (const session of this.sessions) session.die();
  }

  /** The host gives QEMU no processor time: the machine makes no progress and QEMU does not answer. */
  starve(): void {
    this.stand();
    this.monitor.starved = true;
  }

  /** QEMU's vCPU threads wait for a host processor, although its monitor answers. */
  keepWaiting(): void {
    this.stand();
    this.keptWaitingSince = Date.now();
  }

  /** QEMU ends on its own. */
  quit(signal: NodeJS.Signals = 'SIGSEGV'): void {
    this.running = false;
    this.life++;
    this.exit({ code: null, signal, stderr: '' });
    this.goneBy.abort(new LabError(`QEMU ended on its own (${signal})`));
    for (const session of this.sessions) session.close();
  }

  /** The lab is too slow for the console and loses bytes of it. */
  lose(bytes: number): void {
    this.tails.get('console')?.lose(bytes);
  }

  /** The agent sends something, also without a request. */
  whisper(bytes: string): void {
    for (const session of this.sessions) session.say(bytes);
  }

  /** The agent's process is gone, and with it the sessions that it held. */
  killClient(): void {
    for (const session of this.sessions) session.hangUp();
  }

  /** The agent sends a line that nothing waits for, or that is not an answer yet. */
  tell(line: object): void {
    for (const session of this.sessions) session.tell(`${JSON.stringify(line)}\n`);
  }

  /** A cold boot into the first kernel. */
  restart(): void {
    this.stoodStill = false;
    this.life++;
    this.ram.wipe();
    this.say(words.FIRMWARE);
    this.boot(new FakeKernel(this.ram, 0, `boot-${this.boots}`, words.release(0)));
  }

  // -- boots and jumps
  // --------------------------------------------------------------------------------------------------------------

  private boot(kernel: FakeKernel): void {
    this.kernel = kernel;
    this.boots++;
    this.say(words.banner(kernel.release));
    this.script.booting?.(this, kernel.epoch);
    this.later(BOOT, () => {
      const mark = JSON.stringify({
        ready: 1,
        epoch: kernel.epoch,
        bootId: kernel.bootId,
        release: kernel.release,
        mono: 1.5,
      });
      this.say(`LAB-READY ${mark}\n`);
      this.write('ready', `${mark}\n`);
    });
  }

  private leave(): void {
    this.script.leaving?.(this, this.kernel.epoch);
    this.later(LEAVE, () => {
      for (const session of this.sessions) session.die();
      this.say(words.STARTING);
      const go = () => this.bootNext();
      const { breakpoint } = this;
      if (breakpoint === null) return go();
      this.atBreakpoint = go;
      breakpoint();
    });
  }

  later(ms: number, act: () => void): void {
    const { life } = this;
    setTimeout(() => {
      if (life === this.life && this.running) act();
    }, ms);
  }

  private openPort(): Port {
    const session = this.session();
    return { open: () => session.channel(), close: () => session.close() };
  }

  private session(): FakeSession {
    const session = new FakeSession(
      (request) => this.react(request),
      (command) => this.script.exec?.(this, command) ?? null,
    );
    this.sessions.push(session);
    if (this.stoodStill) session.die();
    return session;
  }

  private react(request: Omit<Request, 'epoch' | 'index'>): Reaction {
    const index = this.requests++;
    const reaction = this.script.request?.(this, { ...request, epoch: this.kernel.epoch, index }) ?? null;
    if (reaction !== null) return reaction;
    if (request.op === 'go') {
      this.leave();
      return { kind: 'silent' };
    }
    return request.op === 'die' ? { kind: 'die' } : { kind: 'answer', reply: this.honest(request) };
  }

  /** The answer of an honest agent. */
  honest({ op, args }: Pick<Request, 'op' | 'args'>): Record<string, unknown> {
    return op === 'kexec' ? { ok: true, going: true } : this.kernel.answer(op, args);
  }

  // -- in place of QEMU
  // ------------------------------------------------------------------------------------------------------

  private get machineParts(): MachineParts {
    return {
      start: () => this.process(),
      openMonitor: async (_, { onEvent }) => this.monitor.opened(onEvent),
      openMemory: (_, mtree) => this.ram.open(mtree),
      follow: (options) => this.follow(options),
      attachDebugger: async () => this.debugger(),
      hostTimes: () => this.hostTimes(),
    };
  }

  /** A breakpoint at the jump: the machine goes on when the debugger lets it. */
  private debugger(): Debugger {
    const stopped = new Promise<void>((resolve) => (this.breakpoint = resolve));
    return {
      breakAt: async () => undefined,
      clearBreak: async () => undefined,
      runUntilStop: () => stopped,
      runAlone: async () => undefined,
      detach: async () => {
        const goOn = this.atBreakpoint;
        this.breakpoint = this.atBreakpoint = null;
        goOn?.();
      },
    };
  }

  /**
   * This machine was saved in another run, and stands.
   * @param requests what the agents of its kernel were asked before that: `OPERATION KEY=VALUE...`
   */
  resumedAt(rung: Rung, requests: readonly string[]): void {
    this.boots = 1;
    for (const request of requests) {
      const [op = '', ...pairs] = request.split(' ');
      // The request by which it jumped.
      if (op === 'go' && rung !== 'jump') {
        this.kernel = this.nextKernel();
        this.boots++;
      } else this.kernel.answer(op, argsOf(pairs));
    }
    this.standing = { go: rung === 'jump' ? () => this.bootNext() : () => undefined };
  }

  get stands(): boolean {
    return this.standing !== null || this.atBreakpoint !== null;
  }

  /** QEMU continues it. */
  goOn(): void {
    const { standing } = this;
    this.standing = null;
    standing?.go();
  }

  private bootNext(): void {
    this.script.entering?.(this);
    if (!this.stoodStill) this.boot(this.nextKernel());
  }

  private nextKernel(): FakeKernel {
    return this.kernel.next(`boot-${this.boots}`, words.release(this.kernel.epoch + 1));
  }

  /** The port of a machine that was saved with an agent behind it. */
  savedPort(): SavedPort {
    const session = this.session();
    let channel: AgentChannel | null = null;
    return {
      connect: async () => {
        channel = await session.channel();
        // Its end is that of the socket.
        channel.on('close', () => session.close());
      },
      adopt: () => channel ?? fail('the port was not connected'),
      close: () => session.close(),
    };
  }

  private process(): Process {
    const exited = new Promise<QemuExit>((resolve) => (this.exit = resolve));
    if (this.standing === null) this.boot(this.kernel);
    return {
      pid: process.pid,
      commandLine: 'qemu-system-x86_64',
      sandbox: { kind: 'none', user: 'lab', why: 'a scripted machine', command: [] },
      gone: this.goneBy.signal,
      exited,
      endedWithin: async () => !this.running,
      kill: async () => {
        this.running = false;
        this.life++;
        setTimeout(() => {
          this.exit({ code: null, signal: 'SIGKILL', stderr: '' });
          this.goneBy.abort(new LabError('QEMU was ended by the lab'));
        }, KILL);
        const exit = await exited;
        this.isGone = true;
        return exit;
      },
    };
  }

  /** QEMU has ended and the lab has waited for it. */
  isGone = false;

  /** One thread that always runs or always waits. */
  private hostTimes(): HostTimes {
    const now = Date.now();
    const waited = this.keptWaitingSince === null ? 0 : now - this.keptWaitingSince;
    return { threads: new Map([['1', { ran: now - waited, waited }]]), stopped: false };
  }

  private follow(options: TailOptions): Tail {
    const tail = new FakeTail(options);
    const file = options.path.endsWith(READY_FILE) ? 'ready' : 'console';
    this.tails.set(file, tail);
    tail.feed(this.before[file]);
    return tail;
  }

  /** Everything that a run left open. */
  get leftOpen(): string[] {
    return [
      ...(this.isGone ? [] : ['QEMU']),
      ...(this.monitor.isOpen ? ['the monitor'] : []),
      ...[...this.tails].filter(([, { stopped }]) => !stopped).map(([name]) => `the tail of ${name}`),
      ...this.sessions.filter(({ isOpen }) => isOpen).map(() => 'a session'),
      ...this.sessions.filter(({ openChannels }) => openChannels > 0).map(() => 'a channel'),
      ...(this.ram.openByOthers === 0 ? [] : [`${this.ram.openByOthers} descriptors of the memory`]),
    ];
  }
}

/** A file that is followed: what was written is read at the next look. */
class FakeTail implements Tail {
  private unread = '';
  private timer: NodeJS.Timeout | undefined;
  stopped = false;

  constructor(private readonly options: TailOptions) {}

  feed(text: string): void {
    this.unread += text;
    this.timer ??= setTimeout(() => this.look(), this.options.every);
  }

  look(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const text = this.unread;
    this.unread = '';
    if (text !== '' && !this.stopped) this.options.onData(Buffer.from(text, 'latin1'));
  }

  lose(bytes: number): void {
    this.options.onLost?.(bytes);
  }

  stop(): void {
    this.look();
    this.stopped = true;
  }
}

function fail(why: string): never {
  throw new Error(why);
}
