// SPDX-License-Identifier: Apache-2.0
// Where a store can lie, by its address.
import { resolve } from 'node:path';
import { UsageError } from '../../util/errors.js';
import type { Backend } from './backend.js';
import { folderBackend } from './folder.js';
import { httpBackend } from './http.js';
import { s3Backend } from './s3.js';

export const STORE_VARIABLE = 'LAB_IMAGE_STORE';

/** Opens a store. Connects to nothing. */
export function openBackend(address: string): Backend {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return folderBackend(resolve(address));
    case 'http':
    case 'https':
      return httpBackend(address);
    case 's3':
      return s3Backend(address);
    default:
      throw new UsageError(
        `${STORE_VARIABLE}: cannot use ${scheme}://; expected a folder, http://, https:// or s3://BUCKET/PREFIX`,
      );
  }
}
