// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { Scratch } from '../../src/util/scratch.js';

describe('buffers for a moment', () => {
  it('gives a buffer on to the next user', () => {
    const first = new Scratch(4096);
    const { buffer } = first.words;
    first[Symbol.dispose]();
    using second = new Scratch(8192);
    expect(second.words.buffer).toBe(buffer);
    expect(second.words).toHaveLength(2048);
  });

  it('never gives one buffer to two users at once', () => {
    using first = new Scratch(4096);
    using second = new Scratch(4096);
    expect(first.words.buffer).not.toBe(second.words.buffer);
  });

  it('keeps no buffer that is larger than the others', () => {
    const large = new Scratch(2 << 20);
    const { buffer } = large.words;
    expect(large.words).toHaveLength((2 << 20) / 4);
    large[Symbol.dispose]();
    using next = new Scratch(4096);
    expect(next.words.buffer).not.toBe(buffer);
  });
});
