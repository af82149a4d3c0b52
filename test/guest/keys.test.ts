// SPDX-License-Identifier: Apache-2.0
import ssh2 from 'ssh2';
import { expect, it } from 'vitest';
import { makeRunKey } from '../../src/guest/keys.js';

/** One pair in 256 that ssh2 makes is unreadable: among this many, none being one by luck has odds of one in 2500. */
const PAIRS = 2000;

it('every key pair can be used', () => {
  for (let n = 0; n < PAIRS; n++) {
    const { privateKey, publicBlob } = makeRunKey();
    expect(ssh2.utils.parseKey(privateKey)).not.toBeInstanceOf(Error);
    // string "ssh-ed25519" (4 + 11 bytes), string key (4 + 32).
    expect(Buffer.from(publicBlob, 'base64')).toHaveLength(51);
  }
});
