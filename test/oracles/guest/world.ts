// SPDX-License-Identifier: Apache-2.0
// Builds a bare guest from pages alone, by the rules of docs/guest-payload.md, just as the real guest writes them.
import { digestOf, type Pair } from '../../../src/oracles/guest/digest.js';
import { Links } from '../../../src/oracles/guest/links.js';
import type { PfnRun, ReadPhys } from '../../../src/oracles/files/outside.js';

const FIRST_STACK = 14;

export class FakeGuest {
  readonly memory: Uint8Array;
  readonly links: Links;
  readonly first: number;
  private readonly states: { first: number; count: number; n: number; head: Pair }[] = [];

  constructor(
    readonly seed: number,
    readonly vcpus: number,
    readonly pages: number,
    readonly devices = 0,
  ) {
    this.memory = new Uint8Array(pages * 4096);
    this.links = new Links(seed);
    this.first = FIRST_STACK + vcpus + 2 * devices;
    for (let page = 1; page < 13; page++) this.words(page).fill(page * 77);
    this.words(13).set(this.links.baseTable);
    const chain = pages - this.first;
    const share = Math.floor(chain / vcpus);
    for (let v = 0; v < vcpus; v++) {
      this.states.push({
        first: this.first + v * share,
        count: v === vcpus - 1 ? chain - v * share : share,
        n: 0,
        head: this.links.origin(v),
      });
      this.extend(v, (this.states[v] as { count: number }).count);
    }
  }

  words(page: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, page * 4096, 1024);
  }

  /** Writes `count` links of a share, and the control page. */
  extend(v: number, count: number): void {
    const state = this.states[v] as FakeGuest['states'][number];
    for (let i = 0; i < count; i++) {
      const n = state.n + 1;
      const page = state.first + ((n - 1) % state.count);
      const { head, digest, previous } = this.step(v, n, page);
      this.words(page).set(this.links.page(page, n, head, previous));
      void digest;
      state.head = head;
      state.n = n;
    }
    this.control();
  }

  private step(v: number, n: number, page: number): { head: Pair; digest: Pair; previous: Pair } {
    const state = this.states[v] as FakeGuest['states'][number];
    const old = this.words(page).slice();
    const fresh = n <= state.count;
    const previous: Pair = fresh ? [0, 0] : [old[4] as number, old[5] as number];
    old[6] = old[7] = 0;
    const digest: Pair = fresh ? [0, 0] : digestOf(old, 0, 1024);
    return { head: this.links.extend(state.head, digest, n), digest, previous };
  }

  /** Stops in the middle of the share's next page, after `words` words. */
  stopWithin(v: number, words: number, { headWritten }: { headWritten: boolean }): void {
    const state = this.states[v] as FakeGuest['states'][number];
    const n = state.n + 1;
    const page = state.first + ((n - 1) % state.count);
    const before = this.words(page).slice();
    const { head, previous } = this.step(v, n, page);
    this.words(page).set(this.links.page(page, n, head, previous).subarray(0, words));
    const at = 0x100 + v * 0x100;
    const view = new DataView(this.memory.buffer);
    view.setBigUint64(at + 0x20, BigInt(n), true);
    const put = (offset: number, [a, b]: Pair) => {
      view.setUint32(at + offset, a, true);
      view.setUint32(at + offset + 4, b, true);
    };
    put(0x28, head);
    put(0x30, [before[4] as number, before[5] as number]);
    put(0x38, [before[6] as number, before[7] as number]);
    if (headWritten) put(0x18, head);
  }

  private control(): void {
    const view = new DataView(this.memory.buffer);
    Buffer.from('LABGUEST').copy(this.memory, 0);
    [
      [8, 2],
      [0x0c, this.vcpus],
      [0x10, this.seed],
      [0x20, this.first],
      [0x24, this.pages],
      [0x38, this.devices],
    ].forEach(([at, value]) => view.setUint32(at as number, value as number, true));
    const [a, b] = digestOf(new Uint32Array(this.memory.buffer, 4096, 13 * 1024), 0, 13 * 1024);
    view.setUint32(0x30, a, true);
    view.setUint32(0x34, b, true);
    for (const [v, { first, count, n, head }] of this.states.entries()) {
      const at = 0x100 + v * 0x100;
      view.setUint32(at, first, true);
      view.setUint32(at + 4, count, true);
      view.setBigUint64(at + 8, 9n, true);
      view.setBigUint64(at + 0x10, BigInt(n), true);
      view.setUint32(at + 0x18, head[0], true);
      view.setUint32(at + 0x1c, head[1], true);
      view.setBigUint64(at + 0x20, BigInt(n), true);
    }
  }

  /**
   * Writes transfer `page` into the page for transfers, and `others` state into the control page.
   * @param phase 0: no transfer is in work, 1: into the device, 2: out of the device
   */
  transfer(device: number, page: number, said: { transfer: number; landed: number; phase?: number }): number {
    const view = new DataView(this.memory.buffer);
    const at = 0x900 + device * 0x100;
    for (const [offset, value] of [
      [0x10, said.transfer],
      [0x18, said.phase ?? 0],
      [0x68, said.landed],
    ] as const)
      view.setBigUint64(at + offset, BigInt(value), true);
    const landing = FIRST_STACK + this.vcpus + 2 * device + 1;
    if (page > 0) this.words(landing).set(this.links.transfer(device, page));
    return landing;
  }

  /** All pages except the first half lie in reverse order from physical page 1000 on. */
  get runs(): PfnRun[] {
    const half = this.pages >> 1;
    return [
      ...Array.from({ length: this.pages - half }, (_, i) => ({
        page: half + i,
        pfn: 1000 + this.pages - 1 - half - i,
        count: 1,
      })),
      { page: 0, pfn: 5000, count: half },
    ];
  }

  get read(): ReadPhys {
    return (phys, into) => {
      for (let done = 0; done < into.length; done += 4096) {
        const pfn = (phys + done) / 4096;
        const page = pfn >= 5000 ? pfn - 5000 : this.pages - 1 - (pfn - 1000);
        if (page < 0 || page >= this.pages) return false;
        into.set(this.memory.subarray(page * 4096, page * 4096 + Math.min(4096, into.length - done)), done);
      }
      return true;
    };
  }
}
