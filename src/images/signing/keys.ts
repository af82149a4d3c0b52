// SPDX-License-Identifier: Apache-2.0
// The key that a built kernel trusts. The kernel's own makefiles create it with the kernel (certs/Makefile), and the
// cache keeps it with the image. So the lab can sign for that kernel, and no key of the host is ever used.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelImage } from '../../model/kernel/image.js';
import { isSet } from '../../compat/index.js';

/** Private key and certificate, in the folder of the image. A store does not get them. */
export const SIGNING_KEY = 'signing_key.pem';

/** Makes the build create a key, and the kernel trust it. */
const OPTION = 'CONFIG_MODULE_SIG';

/** A tree keeps the key of an earlier configuration, so its presence says nothing. */
export function trustsBuildKey(config: string): boolean {
  return isSet(config, OPTION);
}

/** Path of the key that the kernel trusts; null if the lab does not have it. */
export function trustedKeyOf({ cacheDir }: Pick<KernelImage, 'cacheDir'>): string | null {
  const path = cacheDir === null ? null : join(cacheDir, SIGNING_KEY);
  return path !== null && existsSync(path) ? path : null;
}
