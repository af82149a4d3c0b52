// SPDX-License-Identifier: Apache-2.0
// Signs the images that a run loads, in the way of UEFI Secure Boot (Authenticode), which kexec_file_load checks
// (kernel/kexec_file.c, crypto/asymmetric_keys/verify_pefile.c). Each run makes a key of its own. Its certificate is in
// the signature. The running kernel accepts it because the key that this kernel trusts has signed the certificate
// (pkcs7_validate_trust), so nothing has to be brought into the machine.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelImage } from '../../model/kernel/image.js';
import type { Signer } from '../../model/kernel/signing.js';
import { mustRun } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { programPath } from '../requirements.js';
import { trustedKeyOf } from './keys.js';

/** The extensions are those of the certificate that signs modules (certs/default_x509.genkey), and the use. */
const REQUEST = `[ req ]
distinguished_name = name
prompt = no
string_mask = utf8only
x509_extensions = extensions

[ name ]
CN = Key of one run of the live-update lab

[ extensions ]
basicConstraints = critical,CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

export interface SignOptions {
  by: Signer;
  /** The kernel that is to load the image. */
  running: Pick<KernelImage, 'name' | 'cacheDir'>;
  /** Private folder of the run; key and image are removed with it. */
  dir: string;
  signal: AbortSignal;
}

/**
 * Signs an image with a key that is made for it.
 * @param index tells the images of a run apart
 * @returns the path of the signed image
 */
export async function signImage(
  image: Pick<KernelImage, 'name' | 'bzImage'>,
  index: number,
  { by, running, dir, signal }: SignOptions,
): Promise<string> {
  const own = join(dir, `signing-${index}`);
  mkdirSync(own, { mode: 0o700 });
  const [settings, key, certificate] = [join(own, 'request.cnf'), join(own, 'key.pem'), join(own, 'certificate.pem')];
  writeFileSync(settings, REQUEST);
  const env = { PATH: programPath(), LC_ALL: 'C', HOME: own };
  const request = ['openssl', 'req', '-x509', '-new', '-batch', '-config', settings, '-days', '2', '-sha256'];
  const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate];
  const signer = by === 'trusted' ? authority(running) : [];
  await mustRun([...request, ...made, ...signer], 'cannot make the key of this run', { env, signal });
  chmodSync(key, 0o600);
  const signed = join(dir, `signed-${index}`);
  await mustRun(
    ['sbsign', '--key', key, '--cert', certificate, '--output', signed, image.bzImage],
    `cannot sign the image of ${image.name}`,
    { env, signal },
  );
  // QEMU runs as another user.
  chmodSync(signed, 0o644);
  return signed;
}

function authority(running: SignOptions['running']): string[] {
  const trusted = trustedKeyOf(running);
  if (trusted === null) throw new LabError(`the key that ${running.name} trusts is not in the cache any more`);
  return ['-CA', trusted, '-CAkey', trusted];
}
