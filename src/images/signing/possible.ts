// SPDX-License-Identifier: Apache-2.0
// What a signature needs, checked before anything starts.
import type { KernelImage } from '../../model/kernel/image.js';
import type { Signer } from '../../model/kernel/signing.js';
import { hasPeHeader } from '../binary/bzimage.js';
import { trustedKeyOf } from './keys.js';

const SIGNED = '7.3.4-signed is such a kernel, and images/config/signed.config has the options';

/** Why the images of the next kernels cannot be signed. Empty if they can. */
export function problemsOfSigning(by: Signer, kernels: readonly KernelImage[]): { message: string; hint: string }[] {
  const unfit = kernels
    .slice(1)
    .filter(({ bzImage }) => !hasPeHeader(bzImage))
    .map(({ name }) => ({
      message: `kernel ${name} cannot be signed: it is built without CONFIG_EFI_STUB, so its image is no PE file`,
      hint: SIGNED,
    }));
  const strange = kernels
    .slice(0, -1)
    .filter((kernel) => by === 'trusted' && trustedKeyOf(kernel) === null)
    .map(({ name, from }) => ({
      message: `the lab has no key that kernel ${name} trusts`,
      hint: from === undefined ? SIGNED : `it came from an image store, without its key: lab images rm ${name}`,
    }));
  return [...new Map([...unfit, ...strange].map((problem) => [problem.message, problem])).values()];
}
