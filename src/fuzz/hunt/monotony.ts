// SPDX-License-Identifier: Apache-2.0
// A hunt in which every input ends in the same bad way shows nothing more.
import type { Judgement } from '../input.js';

/** A failing host shows itself sooner than a kernel that fails on all inputs. */
const MAX_INFRA = 10;
const MAX_SAME = 50;

export class Monotony {
  private what = '';
  private count = 0;

  /** Why going on is useless; null if it is not. */
  after(judgement: Judgement): string | null {
    const what = judgement.kind === 'finding' ? `${judgement.outcome}: ${judgement.title}` : judgement.kind;
    this.count = what === this.what ? this.count + 1 : 1;
    this.what = what;
    if (judgement.kind === 'infra')
      return this.count < MAX_INFRA
        ? null
        : `the lab or its host failed ${this.count} times in a row: ${judgement.why}`;
    if (judgement.kind !== 'finding' || this.count < MAX_SAME) return null;
    return `the last ${this.count} inputs ended in ${what}: the kernel fails on everything, so a hunt shows no more`;
  }
}
