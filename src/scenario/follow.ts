// SPDX-License-Identifier: Apache-2.0
// Follows the steps without a kernel: what cannot work is said before anything is started.
import { type DevicePlan, isDeviceAction } from '../model/device.js';
import { isGuestAction } from '../model/guest.js';
import type { FileRef } from '../model/place.js';
import type { Fault, FileSpec } from '../model/scenario.js';
import { nearest } from '../util/nearest.js';
import { DeviceFollower } from './follow-devices.js';
import { GuestFollower } from './follow-guests.js';
import { LIMITS, PAGE } from './limits.js';
import { listed, shown } from './problem.js';
import type { Problems } from './problems.js';
import { type Draft, isJump, succeeds } from './steplist.js';

/** What a session holds: by token, the file. */
type Held = Map<number, FileSpec>;

function size(bytes: number): string {
  return bytes % (1024 * 1024) === 0 ? `${bytes / 1024 / 1024} MiB` : `${bytes} bytes`;
}

class Follower {
  readonly #problems: Problems;
  readonly #memory: number;
  /** Files that the agent has, by name, and what was put into them. */
  #files = new Map<string, FileSpec>();
  /** Sessions made in this epoch. */
  #outgoing = new Map<string, Held>();
  /** Sessions that were ever made in an earlier epoch. */
  readonly #handed = new Map<string, Held>();
  /** Sessions that were asked back in this epoch. */
  #retrieved = new Set<string>();
  readonly #everMade = new Map<string, FileSpec>();
  #used: number;
  #aborted = false;
  readonly #devices: DeviceFollower;
  readonly #guests: GuestFollower;

  constructor(memory: number, reserved: number, hardware: DevicePlan, problems: Problems) {
    this.#devices = new DeviceFollower(hardware, problems);
    this.#guests = new GuestFollower(problems);
    this.#memory = memory;
    this.#used = reserved;
    this.#problems = problems;
  }

  follow(draft: Draft): void {
    const { step, path } = draft;
    if ('session' in step && step.session.length > LIMITS.sessionField / 4 && Buffer.byteLength(step.session) > LIMITS.sessionField) {
      this.#problems.add(path, `expected a session's name of at most ${LIMITS.sessionField} bytes, the size of the kernel's field; found ${Buffer.byteLength(step.session)}`);
    }
    const checked = succeeds(step);
    if (this.#aborted && ['load', 'kexec', 'retrieve-session', 'retrieve', 'finish', 'abort'].includes(step.op)) {
      this.#problems.add(path, `the update was called off before; ${step.op} cannot follow`);
    }
    if (isDeviceAction(step)) {
      const held = (session: string) => this.#outgoing.get(session);
      this.#devices.follow(step, path, checked, {
        files: this.#files, isOutgoing: (name) => held(name) !== undefined, isRetrieved: (name) => this.#retrieved.has(name),
        hasToken: (session, token) => held(session)?.has(token) ?? false,
      });
      return;
    }
    if (isGuestAction(step)) {
      for (const spec of this.#guests.follow(step, path, checked, this.#files)) this.#make(spec, draft);
      return;
    }
    switch (step.op) {
      case 'create':
        if (checked) this.#create(step.session, draft);
        break;
      case 'memfd':
        if (checked) this.#make(step.memfd, draft);
        break;
      case 'object':
        if (checked) this.#make(step.object, draft);
        break;
      case 'preserve':
        this.#preserve(step, draft, checked);
        break;
      case 'retrieve-session':
        if (!checked) break;
        if (!this.#handed.has(step.session)) this.#unknown('session', 'was ever created in an epoch before', step.session, this.#handed.keys(), draft);
        this.#retrieved.add(step.session);
        break;
      case 'retrieve':
        this.#retrieve(step, draft, checked);
        break;
      case 'check':
        if (checked && !this.#files.has(step.file)) this.#unknownFile(step.file, draft);
        break;
      case 'finish':
        if (checked) this.#openSession(step.session, draft);
        break;
      case 'close':
        if (checked) this.#close(step.target, draft);
        break;
      case 'kexec':
        if (checked) this.#kexec();
        break;
      case 'kill-agent':
        this.#loseAgent();
        break;
      case 'abort':
        this.#aborted = true;
        break;
      case 'fault':
        if (step.fault.kind === 'flip') this.#flip(step.fault, draft);
        if (step.fault.kind === 'unplug' || step.fault.kind === 'iommu-table') this.#devices.fault(step.fault, draft.path);
        if (step.fault.kind === 'change') this.#change(step.fault, step, draft);
        break;
      default:
    }
  }

  #create(session: string, { path }: Draft): void {
    const bytes = Buffer.byteLength(session);
    if (bytes > LIMITS.sessionName) {
      this.#problems.add(path, `expected a session's name of at most ${LIMITS.sessionName} bytes, found ${bytes}`, 'state errno: EINVAL if that is what you test');
    }
    if (this.#outgoing.has(session)) {
      this.#problems.add(path, `expected a name of its own; there is a session ${shown(session)} already`, 'state errno: EEXIST if that is what you test');
    }
    this.#outgoing.set(session, new Map());
  }

  #make(spec: FileSpec, { path }: Draft): void {
    if (this.#files.has(spec.file)) this.#problems.add(path, `expected a name of its own; there is a file ${shown(spec.file)} already`);
    this.#files.set(spec.file, spec);
    this.#everMade.set(spec.file, spec);
    this.#use(spec.size + (spec.kind === 'object' ? spec.array : 0), path);
  }

  #use(bytes: number, path: Draft['path']): void {
    const before = this.#used;
    this.#used += bytes;
    if (this.#used > this.#memory && before <= this.#memory) {
      this.#problems.add(path, `expected files of at most ${size(this.#memory)} in all, the machine's memory; found ${size(this.#used)} up to here`);
    }
  }

  #preserve(step: { session: string; file: string; token: number }, draft: Draft, checked: boolean): void {
    const memfd = this.#files.get(step.file);
    if (!memfd) this.#unknownFile(step.file, draft);
    if (!checked) return;
    const held = this.#outgoing.get(step.session);
    if (!held) {
      if (this.#retrieved.has(step.session)) {
        this.#problems.add(draft.path, `session ${shown(step.session)} was asked back; expected one created in this epoch`, 'state errno: EINVAL if that is what you test');
      } else {
        this.#unknown('session', 'is open here', step.session, this.#outgoing.keys(), draft);
      }
      return;
    }
    if (held.has(step.token)) {
      this.#problems.add([...draft.path, 'token'], `expected a token of its own in session ${shown(step.session)}; ${step.token} is taken`, 'state errno: EEXIST if that is what you test');
    }
    if (memfd) held.set(step.token, memfd);
  }

  #retrieve(step: { session: string; token: number; file: string }, draft: Draft, checked: boolean): void {
    const held = this.#handed.get(step.session);
    const memfd = held?.get(step.token);
    if (step.file === '') step.file = memfd?.file ?? `${step.session}/${step.token}`;
    if (!checked) return;
    if (!this.#retrieved.has(step.session)) this.#unknown('session', 'was asked back in this epoch', step.session, this.#retrieved, draft);
    else if (!memfd) this.#unknown('token', `of session ${shown(step.session)} was ever preserved`, String(step.token), [...(held?.keys() ?? [])].map(String), draft);
    if (this.#files.has(step.file)) {
      this.#problems.add(draft.path, `expected a name of its own; there is a file ${shown(step.file)} already`, 'give it another name with as');
    }
    if (memfd) {
      this.#files.set(step.file, memfd);
      this.#everMade.set(step.file, memfd);
    }
  }

  #close(target: { kind: 'session' | 'file'; name: string } | { kind: 'device' }, draft: Draft): void {
    if (target.kind === 'file') {
      if (!this.#files.delete(target.name)) this.#unknownFile(target.name, draft);
    } else if (target.kind === 'session') {
      this.#openSession(target.name, draft);
      // A session that was asked back goes first: both may be open under one name.
      if (!this.#retrieved.delete(target.name)) this.#outgoing.delete(target.name);
    }
  }

  #openSession(name: string, draft: Draft): void {
    if (this.#retrieved.has(name) || this.#outgoing.has(name)) return;
    this.#unknown('session', 'is open here', name, [...this.#retrieved, ...this.#outgoing.keys()], draft);
  }

  #kexec(): void {
    for (const [name, held] of this.#outgoing) this.#handed.set(name, held);
    this.#loseAgent();
  }

  #loseAgent(): void {
    // A name is remembered even where its session was closed with the agent: asking for it then is a fair question.
    for (const [name, held] of this.#outgoing) this.#handed.set(name, held);
    this.#files = new Map();
    this.#outgoing = new Map();
    this.#retrieved = new Set();
    this.#devices.loseAgent();
    this.#guests.loseAgent();
  }

  #flip(flip: { file: string; page: number }, draft: Draft): void {
    const memfd = this.#everMade.get(flip.file);
    const path = [...draft.path, 'flip'];
    if (!memfd) {
      this.#unknown('file', 'was made before', flip.file, this.#everMade.keys(), { ...draft, path: [...path, 'file'] });
    } else if (flip.page * PAGE >= memfd.size && memfd.kind !== 'guest-state') {
      this.#problems.add([...path, 'page'], `expected a page below ${Math.ceil(memfd.size / PAGE)}, as ${shown(flip.file)} has that many; found ${flip.page}`);
    }
  }

  #change(fault: Extract<Fault, { kind: 'change' }>, step: { epoch: number; at: 'now' | 'jump' }, draft: Draft): void {
    // As a step of its own, past the first kexec, it means what this kernel was handed; at the jump always what it hands over.
    if (draft.path[0] === 'steps' && step.epoch > 0 && step.at === 'now') fault.side = 'incoming';
    const at = { ...draft, path: [...draft.path, 'change', 'place'] };
    const { place } = fault;
    const known = fault.side === 'incoming' ? this.#handed : this.#outgoing;
    const name = 'session' in place ? place.session : 'file' in place ? place.file.session : null;
    if (name === null) return;
    const held = known.get(name) ?? this.#handed.get(name);
    if (!held) this.#unknown('session', 'was created before', name, [...known.keys(), ...this.#handed.keys()], at);
    else if ('file' in place) this.#token(place.file, held, at);
  }

  /** A file may be named instead of its token. */
  #token(file: FileRef, held: Held, at: Draft): void {
    if (held.has(file.token)) return;
    const names = [...held].flatMap(([token, memfd]) => [String(token), memfd.file.slice(memfd.file.lastIndexOf('/') + 1)]);
    const found = [...held].find(([, memfd]) => memfd.file === file.file || memfd.file === `${file.session}/${file.file}`);
    if (found) file.token = found[0];
    else this.#unknown('file', `of session ${shown(file.session)} was preserved before`, file.file, new Set(names), at);
  }

  #unknownFile(name: string, draft: Draft): void {
    this.#unknown('file', 'is open here', name, this.#files.keys(), draft);
  }

  #unknown(what: string, condition: string, name: string, known: Iterable<string>, { path }: Draft): void {
    const names = [...known];
    const near = nearest(name, names);
    const there = names.length > 0 ? `there is ${listed(names, 8)}` : `there is none`;
    this.#problems.add(path, `no ${what} ${what === 'token' ? name : shown(name)} ${condition}`, near ? `did you mean "${near}"?` : there);
  }
}

/** Reports what cannot work, and gives retrieved files the names that were left open. */
export function followSteps(drafts: readonly Draft[], memory: number, reserved: number, hardware: DevicePlan, problems: Problems): void {
  const follower = new Follower(memory, reserved, hardware, problems);
  for (const draft of drafts) follower.follow(draft);
  for (const [index, draft] of drafts.entries()) {
    const next = drafts[index + 1]?.step;
    if (isJump(draft.step) && !(next && (next.op === 'kexec' || isJump(next)))) {
      problems.add(draft.path, 'expected a kexec right after a fault at the jump');
    }
  }
}

/** Do the steps come to every kernel that is named? */
export function checkEpochs(drafts: readonly Draft[], kernels: readonly string[], outcome: string, problems: Problems): void {
  const beyond = drafts.find(({ step }) => step.op === 'kexec' && succeeds(step) && step.epoch >= kernels.length - 1);
  if (beyond) problems.add(beyond.path, `this is kexec ${beyond.step.epoch + 1}, but ${kernels.length} kernels make ${kernels.length - 1}`, 'name more kernels with chain');
  const gone = drafts.filter(({ step }) => step.op === 'kexec' && succeeds(step)).length;
  if (gone < kernels.length - 1 && outcome === 'preserved') {
    problems.add(['steps'], `nothing can be preserved, as the steps never come to kernel ${shown(kernels[gone + 1])}: they have ${gone} kexec of ${kernels.length - 1}`, 'add kexec, or expect: refused', 'key');
  }
}
