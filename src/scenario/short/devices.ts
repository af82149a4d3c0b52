// SPDX-License-Identifier: Apache-2.0
// The short form: adds the steps of devices around those of the sessions.
import type { DevicePlan, DevicePreserve, DeviceSpec } from '../../model/scenario/device.js';
import { guestFiles } from '../../model/scenario/guest.js';
import type { KEXEC_WAYS } from '../schema/scenario.js';
import type { Path } from '../source/document.js';
import type { StepList } from '../steps/step-list.js';
import type { SessionOfDevice } from './plan-devices.js';

/** Adds the steps of all devices behind an IOMMU. The lab only inspects the others from outside. */
export class DeviceExpansion {
  readonly #devices: readonly { device: DeviceSpec; path: Path }[];
  readonly #iommu: DevicePreserve;
  readonly #out: StepList;

  constructor({ devices, iommu }: DevicePlan, out: StepList) {
    this.#devices = iommu.kind === 'none' ? [] : devices.map((device, index) => ({ device, path: ['devices', index] }));
    this.#iommu = iommu.preserve;
    this.#out = out;
  }

  /**
   * Adds the steps after the files are filled and preserved.
   * @param when `first`: opens and checks the devices before
   */
  preserve(when: 'first' | 'again'): void {
    for (const { device, path } of this.#devices) {
      if (when === 'first' && device.guest === null) this.#use(device, path, null);
      if (when === 'first' && device.guest !== null) this.#out.add({ op: 'device-check', device: device.name }, path);
      const { preserve, session, token } = device;
      if (preserve === 'recreate' || session === null || token === null) continue;
      if (device.iommuToken !== null)
        this.#out.add(
          {
            op: 'iommu-preserve',
            device: device.name,
            session,
            token: device.iommuToken,
            optional: this.#iommu === 'if-supported',
          },
          path,
        );
      this.#out.add(
        { op: 'device-preserve', device: device.name, session, token, optional: preserve === 'if-supported' },
        path,
      );
    }
  }

  /**
   * Adds the steps before the kexec. Devices that LUO must carry stay open, and so do those with a transfer in flight.
   */
  beforeKexec(way: (typeof KEXEC_WAYS)[number]): void {
    if (way === 'abort' || way === 'kill-agent') return;
    for (const { device, path } of this.#devices)
      if (!device.inFlight && device.preserve !== 'required') this.#close(device, path);
    // Nothing may come between the start of a transfer and the kexec.
    for (const { device, path } of this.#devices)
      if (device.inFlight) this.#out.add({ op: 'device-dma', device: device.name }, path);
  }

  /**
   * Adds the steps after the next kernel has its files.
   * @param carried sessions and files that it retrieved
   */
  retrieve(carried: readonly SessionOfDevice[]): void {
    for (const { device, path } of this.#devices) if (device.guest === null) this.#use(device, path, carried);
  }

  /**
   * Adds devices to guests that exist but do not run yet.
   * @param carried as in retrieve; null before the first update
   */
  attach(carried: readonly SessionOfDevice[] | null): void {
    for (const { device, path } of this.#devices) {
      if (device.guest === null) continue;
      this.#open(device, path, carried);
      this.#out.add({ op: 'guest-attach', guest: device.guest, device: device.name, reset: null }, path);
    }
  }

  /** For after the guests have resumed: a device that was opened again is reset, and its guest sets it up again. */
  checkGuestDevices(): void {
    for (const { device, path } of this.#devices)
      if (device.guest !== null) this.#out.add({ op: 'device-check', device: device.name }, path);
  }

  check(): void {
    for (const { device, path } of this.#devices) this.#out.add({ op: 'device-check', device: device.name }, path);
  }

  /** A guest's device is closed together with the guest. */
  close(): void {
    for (const { device, path } of this.#devices)
      if (device.guest === null) this.#out.add({ op: 'device-close', device: device.name, optional: false }, path);
  }

  #close(device: DeviceSpec, path: Path): void {
    this.#out.add({ op: 'device-close', device: device.name, optional: device.preserve === 'if-supported' }, path);
  }

  #use(device: DeviceSpec, path: Path, carried: readonly SessionOfDevice[] | null): void {
    this.#open(device, path, carried);
    this.#out.add({ op: 'device-check', device: device.name }, path);
  }

  #open(device: DeviceSpec, path: Path, carried: readonly SessionOfDevice[] | null): void {
    const { name, session, token, preserve } = device;
    const retrieved =
      carried !== null &&
      preserve !== 'recreate' &&
      session !== null &&
      token !== null &&
      carried.some((each) => each.name === session);
    if (retrieved && device.iommuToken !== null)
      this.#out.add(
        {
          op: 'iommu-retrieve',
          device: name,
          session,
          token: device.iommuToken,
          optional: this.#iommu === 'if-supported',
        },
        path,
      );
    if (retrieved)
      this.#out.add(
        { op: 'device-retrieve', device: name, session, token, optional: preserve === 'if-supported' },
        path,
      );
    // If LUO must carry a device and did not, there is no point in opening it again.
    if (!retrieved || preserve !== 'required')
      this.#out.add({ op: 'device-open', device: name, optional: retrieved }, path);
    // A retrieved descriptor is bound to a new iommufd. Make its mappings there before it replaces the old tables.
    const files =
      carried === null
        ? null
        : new Set(
            carried.flatMap((session) => [
              ...session.files.map(({ spec }) => spec.file),
              ...session.guests.map(({ spec }) => guestFiles(spec.name).ram),
            ]),
          );
    for (const [number, map] of device.map.entries()) {
      if (files === null || files.has(map.file))
        this.#out.add(
          { op: 'device-map', device: name, map, optional: retrieved },
          device.guest === null ? [...path, 'map', number] : path,
        );
    }
  }
}
