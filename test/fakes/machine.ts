// SPDX-License-Identifier: Apache-2.0
// A machine that is not there, in place of QEMU: it boots, speaks on its console, marks that it is ready, jumps into
// its next kernel and ends, by the clock of the test. All of the lab's own code above runs as for a real one.
import type { ExecResult } from '../../src/guest/session.js';
import type { RunParts } from '../../src/run/machine/parts.js';
import type { MachineParts, Process, Tail } from '../../src/run/machine/parts.js';
import type { HostTimes } from '../../src/qemu/host-time.js';
import type { QemuExit } from '../../src/qemu/process.js';
import { READY_FILE } from '../../src/qemu/args.js';
import { LabError } from '../../src/util/errors.js';
import type { TailOptions } from '../../src/util/process/tail.js';
import { FakeSession, type Reaction, type Request } from './agent.js';
import { FakeKernel } from './kernel.js';
import { FakeMonitor } from './monitor.js';
import { FakeRam } from './ram.js';
import * as words from './words.js';

/** What a test has the machine do otherwise. */
export interface Script {
  /** A kernel begins to boot. */
  booting?(machine: FakeMachine, epoch: number): void;
  /** A kernel has begun its kexec and not said so yet. */
  leaving?(machine: FakeMachine, epoch: number): void;
  /** What the agent does; null: as the kernel answers. */
  request?(machine: FakeMachine, request: Request): Reaction | null;
  /** A command over SSH; null: it never ends. */
  exec?(machine: FakeMachine, command: string): ExecResult | null;
}

/** Files that the machine writes. */
type Written = 'console' | 'ready';

/** What a kernel that has oopsed says of itself: TAINT_DIE. */
const DIE = 1n << 7n;

/** Milliseconds of the machine's life. */
const BOOT = 1500;
const LEAVE = 200;
const KILL = 40;

export class FakeMachine {
  readonly ram = new FakeRam();
  readonly monitor = new FakeMonitor(this);
  kernel = new FakeKernel(this.ram, 0, 'boot-0', words.release(0));
  requests = 0;
  /** Nothing in the machine moves any more, though QEMU runs. */
  stoodStill = false;
  running = true;
  private keptWaitingSince: number | null = null;
  private readonly sessions: FakeSession[] = [];
  private readonly tails = new Map<Written, FakeTail>();
  /** What was written before anybody followed the file. */
  private readonly before: Record<Written, string> = { console: '', ready: '' };
  private readonly goneBy = new AbortController();
  private exit: (exit: QemuExit) => void = () => undefined;
  private boots = 0;
  /** What was to happen in an earlier life of the machine happens no more. */
  private life = 0;

  constructor(readonly script: Script) {}

  get parts(): RunParts {
    return { machine: this.machineParts, connect: () => this.connect() };
  }

  // -- what a script does to it
  // ----------------------------------------------------------------------------------------------

  /** The kernel speaks. */
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

  /** The machine resets, as a triple fault makes it. */
  reset(): void {
    this.stand();
    this.monitor.emit('SHUTDOWN', { guest: true, reason: 'guest-reset' });
  }

  private write(file: Written, text: string): void {
    const tail = this.tails.get(file);
    if (tail === undefined) this.before[file] += text;
    else tail.feed(text);
  }

  /** Nothing goes on. */
  stand(): void {
    this.stoodStill = true;
    this.life++;
    for (const session of this.sessions) session.die();
  }

  /** The host gives QEMU no processor time: nothing in it moves, and it answers nobody. */
  starve(): void {
    this.stand();
    this.monitor.starved = true;
  }

  /** QEMU's processors wait for one of the host, though its monitor answers. */
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

  /** The lab is too slow for the console: so many bytes of it are gone. */
  lose(bytes: number): void {
    this.tails.get('console')?.lose(bytes);
  }

  /** The agent speaks, asked or not. */
  whisper(bytes: string): void {
    for (const session of this.sessions) session.say(bytes);
  }

  /** The process of the agent, and whatever held the sessions, is gone. */
  killClient(): void {
    for (const session of this.sessions) session.hangUp();
  }

  /** The agent says a line that nobody waits for, or that is no answer yet. */
  tell(line: object): void {
    for (const session of this.sessions) session.tell(`${JSON.stringify(line)}\n`);
  }

  /** Cold, from its first kernel. */
  restart(): void {
    this.stoodStill = false;
    this.life++;
    this.ram.wipe();
    this.say(words.FIRMWARE);
    this.boot(new FakeKernel(this.ram, 0, `boot-${this.boots}`, words.release(0)));
  }

  // -- its life
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
        hostkey: null,
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
      const epoch = this.kernel.epoch + 1;
      this.boot(this.kernel.next(`boot-${this.boots}`, words.release(epoch)));
    });
  }

  later(ms: number, act: () => void): void {
    const { life } = this;
    setTimeout(() => {
      if (life === this.life && this.running) act();
    }, ms);
  }

  private async connect(): Promise<FakeSession> {
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

  /** What an honest agent answers. */
  honest({ op, args }: Pick<Request, 'op' | 'args'>): Record<string, unknown> {
    return op === 'kexec' ? { ok: true, going: true } : this.kernel.answer(op, args);
  }

  // -- in place of QEMU
  // ------------------------------------------------------------------------------------------------------

  private get machineParts(): MachineParts {
    return {
      start: () => this.process(),
      openMonitor: async (_, { onEvent }) => this.monitor.opened(onEvent),
      openMemory: () => this.ram.open(),
      follow: (options) => this.follow(options),
      hostTimes: () => this.hostTimes(),
    };
  }

  private process(): Process {
    const exited = new Promise<QemuExit>((resolve) => (this.exit = resolve));
    this.boot(this.kernel);
    return {
      pid: process.pid,
      commandLine: 'qemu-system-x86_64',
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

  /** QEMU has ended and somebody has waited for it. */
  isGone = false;

  /** One thread, which runs all the time or waits all the time. */
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

  /** What a run left open. */
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
