// SPDX-License-Identifier: Apache-2.0
// Passes bytes on, and fails as soon as there are more than promised: a store cannot fill the disk.
import { Transform } from 'node:stream';
import { LabError } from '../../util/errors.js';
import type { FetchLimits } from './backend.js';

export function bounded({ bytes, onBytes }: Pick<FetchLimits, 'bytes' | 'onBytes'>): Transform {
  let count = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      count += chunk.length;
      if (count > bytes) return next(new LabError(`it sends more than the ${bytes} bytes that it may`));
      onBytes(chunk.length);
      next(null, chunk);
    },
  });
}
