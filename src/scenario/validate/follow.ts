// SPDX-License-Identifier: Apache-2.0
// Follows the steps without a kernel, to report everything that cannot work before anything starts.
import { isClientAction, MAIN } from '../../model/scenario/client.js';
import { isDescriptorAction } from '../../model/scenario/descriptor.js';
import { type DevicePlan, isDeviceAction } from '../../model/scenario/device.js';
import { isFileAction } from '../../model/scenario/file-steps.js';
import { isGuestAction } from '../../model/scenario/guest.js';
import { DescriptorFollower } from './follow-descriptors.js';
import { DeviceFollower } from './follow-devices.js';
import { followChange, followFlip } from './follow-faults.js';
import { ClientFollower } from './follow-clients.js';
import { FileFollower } from './follow-files.js';
import { GuestFollower } from './follow-guests.js';
import { SessionFollower } from './follow-sessions.js';
import { LIMITS } from '../schema/limits.js';
import { shown } from '../source/problem.js';
import type { Step } from '../../model/scenario/scenario.js';
import type { Problems } from '../source/problems.js';
import { type Draft, isJump, succeeds } from '../steps/step-list.js';

class Follower {
  readonly #problems: Problems;
  readonly #sessions: SessionFollower;
  #aborted = false;
  readonly #devices: DeviceFollower;
  readonly #guests: GuestFollower;
  readonly #files: FileFollower;
  readonly #descriptors: DescriptorFollower;
  readonly #clients: ClientFollower;

  constructor(memory: number, reserved: number, hardware: DevicePlan, problems: Problems) {
    this.#devices = new DeviceFollower(hardware, problems);
    this.#guests = new GuestFollower({ plan: hardware, isOpen: (device) => this.#devices.isOpen(device) }, problems);
    this.#sessions = new SessionFollower(memory, reserved, problems);
    this.#files = new FileFollower(this.#sessions);
    this.#descriptors = new DescriptorFollower(this.#sessions);
    this.#clients = new ClientFollower(this.#sessions, this.#descriptors, problems);
    this.#problems = problems;
  }

  /** @param next the following step */
  follow(draft: Draft, next: Step | undefined): void {
    const { step, path } = draft;
    this.#clients.call(step, draft, next);
    if (
      'session' in step &&
      step.session.length > LIMITS.sessionField / 4 &&
      Buffer.byteLength(step.session) > LIMITS.sessionField
    ) {
      this.#problems.add(
        path,
        `expected a session's name of at most ${LIMITS.sessionField} bytes, the size of the kernel's field; ` +
          `found ${Buffer.byteLength(step.session)}`,
      );
    }
    const checked = succeeds(step);
    if (this.#aborted && ['load', 'kexec', 'retrieve-session', 'retrieve', 'finish', 'abort'].includes(step.op)) {
      this.#problems.add(path, `the update was called off before; ${step.op} cannot follow`);
    }
    if (isClientAction(step)) {
      this.#clients.follow(step, draft);
      return;
    }
    if (checked) this.#clients.made(step);
    if (isDeviceAction(step)) {
      const { files, outgoing, retrieved } = this.#sessions;
      this.#devices.follow(step, draft, {
        files,
        isOutgoing: (name) => outgoing.has(name),
        isRetrieved: (name) => retrieved.has(name),
        hasToken: (session, token) => outgoing.get(session)?.has(token) ?? false,
      });
      return;
    }
    if (isGuestAction(step)) {
      for (const spec of this.#guests.follow(step, draft, this.#sessions.files)) this.#sessions.make(spec, draft);
      return;
    }
    if (isDescriptorAction(step)) {
      this.#descriptors.follow(step, draft);
      return;
    }
    if (isFileAction(step)) {
      this.#files.follow(step, draft);
      return;
    }
    const sessions = this.#sessions;
    switch (step.op) {
      case 'create':
        if (checked) sessions.create(step.session, draft);
        break;
      case 'memfd':
        if (checked) sessions.make(step.memfd, draft);
        break;
      case 'object':
        if (checked) sessions.make(step.object, draft);
        break;
      case 'preserve':
        sessions.preserve(step, draft);
        break;
      case 'retrieve-session':
        if (checked) sessions.retrieveSession(step.session, draft);
        break;
      case 'retrieve':
        sessions.retrieve(step, draft);
        break;
      case 'check':
        if (checked && !sessions.files.has(step.file)) sessions.unknownFile(step.file, draft);
        break;
      case 'finish':
        if (checked) sessions.openSession(step.session, draft);
        break;
      case 'close':
        if (checked && !this.#clients.closes(step)) sessions.close(step.target, draft);
        break;
      case 'kexec':
        if (!checked) break;
        this.#sessions.loseAgent();
        this.#clients.jumped();
        this.#descriptors.jumped();
        this.#loseAgent();
        break;
      case 'kill-agent':
        this.#clients.lose(MAIN);
        this.#loseAgent();
        break;
      case 'exec':
      case 'kselftest':
        sessions.foreign = true;
        break;
      case 'abort':
        this.#aborted = true;
        break;
      case 'fault':
        if (step.fault.kind === 'flip') followFlip(step.fault, draft, sessions);
        if (step.fault.kind === 'unplug' || step.fault.kind === 'iommu-table')
          this.#devices.fault(step.fault, draft.path);
        if (step.fault.kind === 'change')
          followChange(step.fault, step, draft, { sessions, descriptors: this.#descriptors });
        break;
      default:
    }
  }

  #loseAgent(): void {
    this.#devices.loseAgent();
    this.#guests.loseAgent();
  }
}

/** Reports impossible steps, and fills in the names of retrieved files. */
export function followSteps(
  drafts: readonly Draft[],
  memory: number,
  reserved: number,
  hardware: DevicePlan,
  problems: Problems,
): void {
  const follower = new Follower(memory, reserved, hardware, problems);
  for (const [index, draft] of drafts.entries()) follower.follow(draft, drafts[index + 1]?.step);
  for (const [index, draft] of drafts.entries()) {
    const next = drafts[index + 1]?.step;
    if (isJump(draft.step) && !(next && (next.op === 'kexec' || isJump(next)))) {
      problems.add(draft.path, 'expected a kexec right after a fault at the jump');
    }
  }
}

/** Checks that the steps reach every kernel, and no more. */
export function checkEpochs(
  drafts: readonly Draft[],
  kernels: readonly string[],
  outcome: string,
  problems: Problems,
): void {
  const beyond = drafts.find(({ step }) => step.op === 'kexec' && succeeds(step) && step.epoch >= kernels.length - 1);
  if (beyond)
    problems.add(
      beyond.path,
      `this is kexec ${beyond.step.epoch + 1}, but ${kernels.length} kernels need only ${kernels.length - 1}`,
      'name more kernels with chain',
    );
  const gone = drafts.filter(({ step }) => step.op === 'kexec' && succeeds(step)).length;
  if (gone < kernels.length - 1 && outcome === 'preserved') {
    problems.add(
      ['steps'],
      `nothing can be preserved, because the steps never reach kernel ${shown(kernels[gone + 1])}: ` +
        `they have ${gone} of ${kernels.length - 1} kexecs`,
      'add kexec, or expect: refused',
      'key',
    );
  }
}
