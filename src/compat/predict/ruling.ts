// SPDX-License-Identifier: Apache-2.0
// What decides how an update ends, apart from the versions that both kernels speak.
import type { Prediction } from '../../model/result/prediction.js';

export interface Ruling extends Pick<Prediction, 'outcome' | 'endsIn' | 'where' | 'component'> {
  signs: readonly string[];
  reason: string;
}

/** The prediction of the images, with what decides in place of them. */
export function ruled(images: Prediction, { reason, signs, ...decided }: Ruling): Prediction {
  return { ...images, ...decided, signs: [...signs], reasons: [reason, ...images.reasons] };
}
