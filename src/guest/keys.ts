// SPDX-License-Identifier: Apache-2.0
// A key pair made fresh for every run; it never touches the disk.
import ssh2 from 'ssh2';

export interface RunKey {
  /** OpenSSH private key, for the client. */
  privateKey: string;
  /** Second field of an authorized_keys line: the base64 blob. */
  publicBlob: string;
}

export function makeRunKey(): RunKey {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  const blob = pair.public.split(' ')[1];
  if (blob === undefined) throw new Error('ssh2 made a public key in an unknown form');
  return { privateKey: pair.private, publicBlob: blob };
}
