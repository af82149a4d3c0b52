// SPDX-License-Identifier: Apache-2.0
// A reason other than the versions that decides how an update ends.
import type { Prediction } from '../../model/result/prediction.js';

export interface Ruling extends Pick<Prediction, 'outcome' | 'endsIn' | 'where' | 'component'> {
  signs: readonly string[];
  reason: string;
}

/** The images' prediction, overruled by another reason. */
export function ruled(images: Prediction, { reason, signs, ...decided }: Ruling): Prediction {
  return { ...images, ...decided, signs: [...signs], reasons: [reason, ...images.reasons] };
}
