// SPDX-License-Identifier: Apache-2.0
// The parts of a run that starts from a saved machine. The run does all that a cold one does. What it asks and reads
// before its rung is answered from what was saved; then its machine runs. If anything is wrong with the snapshot, the
// run is in vain and says why: no verdict comes from that.
import { basename, join } from 'node:path';
import type { AgentChannel } from '../../guest/agent.js';
import type { SavedPort } from '../../guest/port.js';
import { type Rung, reaches } from '../../model/result/snapshot.js';
import { COVERAGE_FILE, agentSocket, type MachineConfig, READY_FILE } from '../../qemu/args.js';
import type { OpenMemory } from '../../qemu/memory.js';
import type { Debugger, Monitor, Process, RunParts, Tail } from '../../run/index.js';
import { LabError, messageOf } from '../../util/errors.js';
import type { TailOptions } from '../../util/process/tail.js';
import type { Entry } from '../journal/entry.js';
import { Replay } from '../journal/replay.js';
import { portNumber } from './port-number.js';
import { ReplayedPort } from './replayed-port.js';
import { StagedMemory } from './staged-memory.js';
import { StagedMonitor } from './staged-monitor.js';
import { StagedTail } from './staged-tail.js';
import { type Stage, Way } from './way.js';

/** A machine that shows no sign of life for this long after it was resumed counts as hung. Milliseconds. */
const MAX_SILENCE = 20_000;
/** How often the host may be to blame for the silence. */
const MAX_WAITS = 5;

/** The snapshot cannot be used. It says nothing about a kernel. */
export class Unusable extends LabError {
  override name = 'Unusable';
}

/**
 * The machine has shown no sign of life. Its snapshot may be at fault, or its next kernel hangs before it prints
 * anything: a run that boots tells which.
 */
export class Silent extends Unusable {
  override name = 'Silent';
}

export interface ResumeMachine {
  /**
   * Starts QEMU with the saved machine, which stands still. Rejects if it cannot be loaded.
   * @param connectPorts connects the ports that were connected when the machine was saved; called before the load
   */
  start(config: MachineConfig, connectPorts: (dir: string) => Promise<void>): Promise<Process>;
  openMemory(pid: number, mtree: string): OpenMemory;
  /** A port by QEMU's socket for it. */
  openSavedPort(path: string): SavedPort;
}

export interface ResumingOptions {
  /** The rungs from `jump` to the one that the machine stands at; or only `booted`. */
  stages: readonly [Stage, ...Stage[]];
  /** Bytes of the console and of the readiness marks when the first kernel was up. */
  boot: { console: number; marks: number };
  console: Buffer;
  marks: Buffer;
  journal: readonly Entry[];
  machine: ResumeMachine;
}

export class Resuming {
  private readonly failure = new AbortController();
  /** Aborted with an Error that says why the snapshot cannot be used. */
  readonly failed = this.failure.signal;
  private readonly way: Way;
  private readonly replay: Replay;
  private readonly tails: { tail: StagedTail; of: 'console' | 'marks' }[] = [];
  /** Ports that were connected when the machine was saved. */
  private readonly connected = new Map<number, SavedPort>();
  private monitor: Monitor | null = null;
  private pid = 0;
  private silence: NodeJS.Timeout | null = null;
  private alive = false;
  private begun = false;

  /** Throws a Divergence if the journal does not fit. */
  constructor(
    private readonly base: RunParts,
    private readonly options: ResumingOptions,
  ) {
    const { stages, journal } = options;
    this.way = new Way(stages, { reached: (stage) => this.show(stage), release: () => this.release() });
    this.replay = new Replay(journal, this.rung);
  }

  /** The rung that the machine stands at. */
  get rung(): Rung {
    const { stages } = this.options;
    return (stages.at(-1) ?? stages[0]).rung;
  }

  get parts(): RunParts {
    const { base } = this;
    return {
      machine: {
        start: (config) => this.start(config),
        openMonitor: async (path, hooks) => {
          this.monitor = await base.machine.openMonitor(path, hooks);
          return new StagedMonitor(this.monitor, this.way, () => this.begin());
        },
        openMemory: (pid, mtree) => new StagedMemory(this.options.machine.openMemory(pid, mtree), this.way),
        follow: (options) => this.follow(options),
        attachDebugger: async (path) =>
          this.way.isReleased ? base.machine.attachDebugger(path) : this.standingDebugger(),
        hostTimes: (pid) => base.machine.hostTimes?.(pid) ?? null,
      },
      openPort: (path) => {
        const { way, replay } = this;
        const fail = (error: Error) => this.fail(error);
        const number = portNumber(path);
        const live = () => base.openPort(path);
        const heard = () => void (this.alive = true);
        return new ReplayedPort({ number, way, replay, fail, live, adopt: () => this.adopt(number), heard });
      },
      connect: async (target) => {
        // Nothing that a session does is in the journal.
        if (!this.way.isReleased) this.fail(new Unusable('the run logs in before the rung of its snapshot'));
        return base.connect(target);
      },
    };
  }

  /** The run is over. */
  end(): void {
    if (this.silence !== null) clearTimeout(this.silence);
    this.silence = null;
    for (const port of this.connected.values()) port.close();
  }

  private async start(config: MachineConfig): Promise<Process> {
    try {
      const process = await this.options.machine.start(config, (dir) => this.connectPorts(dir));
      this.pid = process.pid;
      return process;
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** Only at `retrieve` the lab talks to agents that the saved machine has. */
  private async connectPorts(dir: string): Promise<void> {
    if (this.rung !== 'retrieve') return;
    for (const number of openPorts(this.options.journal, this.rung)) {
      const port = this.options.machine.openSavedPort(join(dir, agentSocket(number)));
      this.connected.set(number, port);
      await port.connect();
    }
  }

  private adopt(number: number): AgentChannel {
    const port = this.connected.get(number);
    if (port === undefined) throw new Unusable(`the saved machine has no agent behind port ${number}`);
    return port.adopt();
  }

  private follow(options: TailOptions): Tail {
    // The machine says nothing in QEMU's own log.
    if (basename(options.path) === COVERAGE_FILE) return this.base.machine.follow(options);
    const of = basename(options.path) === READY_FILE ? 'marks' : 'console';
    const live = this.base.machine.follow({
      ...options,
      onData: (chunk) => {
        this.alive = true;
        options.onData(chunk);
      },
    });
    const tail = new StagedTail(this.options[of], options.onData, live);
    this.tails.push({ tail, of });
    return tail;
  }

  /** QEMU has answered all that the run asks of a new machine: the first kernel boots, as far as the run can see. */
  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    for (const { tail, of } of this.tails) tail.show(this.options.boot[of]);
    // At `booted` the run has nothing else to do first.
    if (!reaches(this.rung, 'jump')) this.way.reach();
  }

  private show(stage: Stage): void {
    for (const { tail, of } of this.tails) {
      tail.show(stage[of]);
      // What the next kernel printed comes when the run waits for it.
      if (stage === this.options.stages[0]) tail.look();
    }
  }

  /** The machine stands at its breakpoint already. */
  private standingDebugger(): Debugger {
    const { way } = this;
    return {
      breakAt: async () => undefined,
      clearBreak: async () => undefined,
      runUntilStop: () => way.reaching(),
      // The run that saved the machine let its processors stop.
      runAlone: async () => undefined,
      detach: async () => {
        if (way.mayChange) await way.leave();
      },
    };
  }

  private async release(): Promise<void> {
    try {
      await this.monitor?.run('cont');
      this.watch(this.waited(), MAX_WAITS);
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** A machine that hangs right after it was resumed may show a fault of the snapshot. */
  private watch(waitedBefore: number, left: number): void {
    this.silence = setTimeout(() => {
      const waited = this.waited();
      if (this.alive || this.failed.aborted) return;
      if (left > 0 && waited - waitedBefore > MAX_SILENCE / 4) this.watch(waited, left - 1);
      else this.fail(new Silent(`the machine shows no sign of life in the ${MAX_SILENCE / 1000} s after it resumed`));
    }, MAX_SILENCE);
    this.silence.unref();
  }

  /** Milliseconds for which the host has kept the machine waiting so far. */
  private waited(): number {
    const threads = this.base.machine.hostTimes?.(this.pid)?.threads.values() ?? [];
    return Math.max(0, ...[...threads].map(({ waited }) => waited));
  }

  private fail(error: unknown): void {
    if (!this.failed.aborted)
      this.failure.abort(error instanceof Error ? error : new Unusable(messageOf(error), { cause: error }));
  }
}

/** The ports behind which agents were at the rung. */
function openPorts(journal: readonly Entry[], rung: Rung): Set<number> {
  const ports = new Set<number>();
  for (const entry of journal) {
    if (entry.kind === 'rung' && entry.rung === rung) break;
    if (entry.kind === 'open') ports.add(entry.port);
    if (entry.kind === 'closed') ports.delete(entry.port);
  }
  return ports;
}
