// SPDX-License-Identifier: Apache-2.0
// A key pair made fresh for every run; it never touches the disk.
import ssh2 from 'ssh2';

export interface RunKey {
  /** OpenSSH private key, for the client. */
  privateKey: string;
  /** Second field of an authorized_keys line: the base64 blob. */
  publicBlob: string;
}

/** Far more than one key in 256 failing needs: the chance that all of them fail is nil. */
const MAX_TRIES = 32;

/**
 * ssh2 (1.17, lib/keygen.js) cuts leading zero bytes off an ed25519 public key, so that one pair in 256 is a
 * byte short and cannot be read back. Such a pair is thrown away and another made.
 */
export function makeRunKey(): RunKey {
  for (let left = MAX_TRIES; left > 0; left--) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    const blob = pair.public.split(' ')[1];
    if (blob === undefined) throw new Error('ssh2 made a public key in an unknown form');
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return { privateKey: pair.private, publicBlob: blob };
  }
  throw new Error(`ssh2 made ${MAX_TRIES} key pairs that it cannot read`);
}
