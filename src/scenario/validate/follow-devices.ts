// SPDX-License-Identifier: Apache-2.0
// Follows the steps on devices: does the device exist, is it open, and is a mapping possible?
import type { DeviceAction, DeviceMapping, DevicePlan, DeviceSpec } from '../../model/scenario/device.js';
import type { Fault, FileSpec } from '../../model/scenario/scenario.js';
import type { Token } from '../../model/scenario/token.js';
import { nearest } from '../../util/text/nearest.js';
import type { Path } from '../source/document.js';
import { hex, iovaProblem } from './devices.js';
import { PAGE } from '../schema/limits.js';
import { listed, shown } from '../source/problem.js';
import type { Problems } from '../source/problems.js';
import { type Draft, succeeds } from '../steps/step-list.js';

/** The state that the other followers know. */
export interface Around {
  files: ReadonlyMap<string, FileSpec>;
  /** Whether a session of this name is open: created by this kernel, or retrieved by it. */
  isOutgoing: (session: string) => boolean;
  isRetrieved: (session: string) => boolean;
  hasToken: (session: string, token: Token) => boolean;
}

interface OpenDevice {
  maps: { map: DeviceMapping; end: number }[];
}

export class DeviceFollower {
  readonly #plan: DevicePlan;
  readonly #problems: Problems;
  #open = new Map<string, OpenDevice>();
  /** Preserved devices, by session and token. */
  readonly #carried = new Map<string, string>();

  constructor(plan: DevicePlan, problems: Problems) {
    this.#plan = plan;
    this.#problems = problems;
  }

  /** The agent is gone, and so are all descriptors. */
  loseAgent(): void {
    this.#open = new Map();
  }

  isOpen(device: string): boolean {
    return this.#open.has(device);
  }

  /** Checks that the device of a fault exists, and that the fault is possible. */
  fault(fault: Extract<Fault, { kind: 'unplug' | 'iommu-table' }>, path: Path): void {
    const device = this.#find(fault.device, [
      ...path,
      ...(fault.kind === 'unplug' ? ['unplug'] : ['iommu-table', 'device']),
    ]);
    if (device === undefined) return;
    // QEMU 7.2: "Bus 'pcie.0' does not support hotplugging".
    if (fault.kind === 'unplug' && device.behind === null)
      this.#problems.add(
        [...path, 'unplug'],
        'expected a device behind a root port, because QEMU cannot unplug one from the root bus; ' +
          `${shown(device.name)} is on it`,
        'add behind: rp0 and at: "00.0"',
      );
    const { kind } = this.#plan.iommu;
    if (fault.kind === 'iommu-table' && kind !== 'intel' && kind !== 'amd')
      this.#problems.add(
        [...path, 'iommu-table'],
        `expected an IOMMU of kind intel or amd, because only these have tables in the machine's memory; it is ${kind}`,
      );
  }

  #find(name: string, path: Path): DeviceSpec | undefined {
    const device = this.#plan.devices.find((each) => each.name === name);
    if (device !== undefined) return device;
    const names = this.#plan.devices.map((each) => each.name);
    const near = nearest(name, names);
    this.#problems.add(
      path,
      `no device ${shown(name)} is in this scenario`,
      near !== null
        ? `did you mean "${near}"?`
        : names.length > 0
          ? `there is ${listed(names, 8)}`
          : 'name it under devices',
    );
    return undefined;
  }

  follow(step: DeviceAction, draft: Draft, around: Around): void {
    const { path } = draft;
    const device = this.#find(step.device, path);
    if (device === undefined) return;
    if (!succeeds(draft.step) || path[0] !== 'steps') return;
    this.#state(step, device, path, around);
  }

  #state(step: DeviceAction, device: DeviceSpec, path: Path, around: Around): void {
    if (step.op === 'device-open' || step.op === 'device-retrieve') {
      if (this.#plan.iommu.kind === 'none')
        this.#problems.add(
          path,
          'expected an IOMMU, because a device can only be opened behind one',
          'add iommu: intel',
        );
      if (this.#open.has(device.name))
        this.#problems.add(
          path,
          `device ${shown(device.name)} is open already`,
          'state errno: EBUSY if that is what you test',
        );
      if (step.op === 'device-retrieve') this.#retrieve(step, path, around);
      this.#open.set(device.name, { maps: [] });
      return;
    }
    if (step.op === 'iommu-retrieve') return this.#retrieve(step, path, around);
    const open = this.#open.get(device.name);
    if (open === undefined) {
      this.#problems.add(path, `device ${shown(device.name)} is not open here`, 'write - device-open before');
      return;
    }
    if (step.op === 'device-map') this.#map(step.map, device, open, path, around);
    else if (step.op === 'device-preserve' || step.op === 'iommu-preserve') this.#preserve(step, path, around);
    else if (step.op === 'device-dma') this.#dma(device, open, path);
    else if (step.op === 'device-close') this.#open.delete(device.name);
  }

  #map(map: DeviceMapping, device: DeviceSpec, open: OpenDevice, path: Path, { files }: Around): void {
    const spec = files.get(map.file);
    if (spec === undefined) {
      const near = nearest(map.file, [...files.keys()]);
      this.#problems.add(
        [...path, 'file'],
        `no file ${shown(map.file)} is open here`,
        near === null ? null : `did you mean "${near}"?`,
      );
      return;
    }
    if (spec.kind !== 'memfd' && spec.kind !== 'guest-ram')
      this.#problems.add(
        [...path, 'file'],
        'expected a memfd, because nothing else can be mapped; ' +
          `this is ${spec.kind === 'object' ? 'an object' : 'the state of a guest'}`,
      );
    const why = iovaProblem(map.iova, spec.size, device.model, this.#plan.iommu);
    if (why !== null) this.#problems.add([...path, 'iova'], why, 'state an errno if that is what you test');
    const end = map.iova + Math.ceil(spec.size / PAGE) * PAGE;
    const other = open.maps.find((each) => map.iova < each.end && each.map.iova < end);
    if (other !== undefined) {
      this.#problems.add(
        [...path, 'iova'],
        `expected a free address range; ${shown(other.map.file)} is mapped from ${hex(other.map.iova)} to ` +
          `${hex(other.end)}`,
        'state errno: EEXIST if that is what you test',
      );
    }
    open.maps.push({ map, end });
  }

  #preserve(
    { op, device, session, token }: Extract<DeviceAction, { op: 'device-preserve' | 'iommu-preserve' }>,
    path: Path,
    around: Around,
  ): void {
    if (!around.isOutgoing(session))
      this.#problems.add([...path, 'session'], `no session ${shown(session)} is open here`);
    const key = `${session}\0${token}`;
    if (around.hasToken(session, token) || this.#carried.has(key))
      this.#problems.add([...path, 'token'], `expected a unique token in session ${shown(session)}; ${token} is taken`);
    this.#carried.set(key, descriptorOf(op, device));
  }

  #retrieve(
    { op, device, session, token }: Extract<DeviceAction, { op: 'device-retrieve' | 'iommu-retrieve' }>,
    path: Path,
    around: Around,
  ): void {
    if (!around.isRetrieved(session))
      this.#problems.add([...path, 'session'], `no session ${shown(session)} was retrieved in this epoch`);
    const carried = this.#carried.get(`${session}\0${token}`);
    if (carried !== descriptorOf(op, device))
      this.#problems.add(
        [...path, 'token'],
        carried === undefined
          ? `no device was preserved under token ${token} of session ${shown(session)}`
          : `token ${token} of session ${shown(session)} is ${carried}`,
      );
  }

  #dma(device: DeviceSpec, open: OpenDevice, path: Path): void {
    if (device.model !== 'edu')
      this.#problems.add(path, `only edu can start a transfer; ${shown(device.name)} is ${device.model}`);
    else if (!open.maps.some(({ map }) => map.rights === 'rw'))
      this.#problems.add(path, 'nothing is mapped that the device may read and write', 'write - device-map before');
  }
}

/** The descriptor under a token, in words. */
function descriptorOf(op: DeviceAction['op'], device: string): string {
  return `${op === 'iommu-preserve' || op === 'iommu-retrieve' ? 'the iommufd of ' : ''}device ${shown(device)}`;
}
