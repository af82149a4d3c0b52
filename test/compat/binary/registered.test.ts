// SPDX-License-Identifier: Apache-2.0
// What a kernel registers with LUO is found by its structure, whatever its name.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromMemory } from '../../../src/compat/binary/bytes.js';
import { registeredIn } from '../../../src/compat/binary/registered.js';
import { temporaryFolder } from '../../util/temporary.js';
import { compileC, generator } from './objects.js';

const HEAD = `
typedef void op(void);
#define OP(name) void name(void) { __asm__ volatile("nop"); }
OP(a) OP(b) OP(c) OP(d) OP(e)
struct file_ops {
  op *can_preserve, *preserve, *unpreserve, *freeze, *unfreeze, *retrieve, *can_finish, *finish, *get_id;
  void *owner; };
struct flb_ops { op *preserve, *unpreserve, *retrieve, *finish; void *owner; };
struct handler { const void *ops; const char compatible[48]; void *list[4]; };
struct flb { const void *ops; const char compatible[48]; long private[30]; };
const struct file_ops plain = { a, b, c, 0, 0, d, 0, e };
const struct file_ops full = { a, b, c, d, e, a, b, c, d };
const struct flb_ops shared = { a, b, c, d };
`;

/** A linked image at the address of a kernel. */
function image(source: string, address = '0xffffffff81000000'): Uint8Array {
  const dir = temporaryFolder();
  writeFileSync(join(dir, 'a.o'), compileC(HEAD + source, ['-O2', '-mcmodel=kernel', '-fno-pie']));
  execFileSync('ld', [`-Ttext=${address}`, '-e', '0', '-o', join(dir, 'vmlinux'), join(dir, 'a.o')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return readFileSync(join(dir, 'vmlinux'));
}
const found = (bytes: Uint8Array) => registeredIn(fromMemory(bytes));

const KERNEL = `
struct handler vfio = { &plain, "vfio-pci-v1" };
struct handler iommufd = { &full, "iommufd-v1" };
struct flb pci = { &shared, "pci" };
struct flb iommu = { &shared, "iommu-liveupdate" };
`;

describe('what a kernel registers', () => {
  it('are handlers and FLBs of any name', () => {
    expect(found(image(KERNEL))).toEqual({
      handlers: ['iommufd-v1', 'vfio-pci-v1'],
      flbs: ['iommu-liveupdate', 'pci'],
    });
  });

  it('is no other structure with a name behind a pointer', () => {
    const others = `
      struct handler no_ops = { 0, "a-v1" };
      struct handler data_ops = { "text that is long enough to be sixty-four bytes, all of them text.....", "b-v1" };
      struct { const void *ops; char name[16]; long next; char more[40]; } narrow = { &plain, "c-v1", 1 };
      struct handler upper = { &plain, "Upper" };
      const struct flb_ops half = { a, 0, c, d };
      struct flb incomplete = { &half, "d-v1" };
    `;
    expect(found(image(others))).toEqual({ handlers: [], flbs: [] });
  });

  it('is not known of an image that cannot be read', () => {
    expect(found(new Uint8Array(100))).toBeNull();
    expect(found(image(KERNEL, '0x400000'))).toBeNull();
  });

  it('is an answer or null for damaged images', () => {
    const whole = image(KERNEL);
    const random = generator(17);
    for (let round = 0; round < 100; round++) {
      const bytes = whole.slice(0, random(8) === 0 ? random(whole.length) : whole.length);
      for (let change = 0; change < 1 + random(8); change++) bytes[random(bytes.length)] = random(256);
      const answer = found(bytes);
      expect((answer?.handlers.length ?? 0) + (answer?.flbs.length ?? 0)).toBeLessThan(16);
    }
  });
});
