// SPDX-License-Identifier: Apache-2.0
// Makes bzImages that have a boot header but cannot boot.

export interface Shape {
  release?: string;
  payload?: Buffer;
  /** The offset of the release that the header claims; the real one by default. */
  pointer?: number;
  payloadLength?: number;
  protocol?: number;
}

const SETUP_SECTORS = 3;

export function fakeBzImage({
  release = '7.3.4-lab',
  payload = Buffer.from('payload'),
  pointer = 0x300,
  payloadLength,
  protocol = 0x20f,
}: Shape = {}): Buffer {
  const setup = Buffer.alloc((SETUP_SECTORS + 1) * 512);
  setup[0x1f1] = SETUP_SECTORS;
  setup.write('HdrS', 0x202, 'latin1');
  setup.writeUInt16LE(protocol, 0x206);
  setup.writeUInt16LE(pointer, 0x20e);
  setup.writeUInt32LE(16, 0x248);
  setup.writeUInt32LE(payloadLength ?? payload.length, 0x24c);
  setup.write(`${release} (lab@lab) #1 SMP\0`, 0x300 + 512, 'latin1');
  return Buffer.concat([setup, Buffer.alloc(16), payload, Buffer.alloc(64)]);
}
