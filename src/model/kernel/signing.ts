// SPDX-License-Identifier: Apache-2.0
import type { SourcePos } from '../scenario/source-pos.js';

/**
 * Who signs the image of each next kernel. The keys are made for the run.
 * - `trusted`: a key whose certificate is signed by the key that the running kernel trusts.
 * - `stranger`: a key that no kernel knows.
 */
export const SIGNERS = ['trusted', 'stranger'] as const;
export type Signer = (typeof SIGNERS)[number];

export interface Signing {
  by: Signer;
  pos: SourcePos;
}
