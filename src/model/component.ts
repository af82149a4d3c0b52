// SPDX-License-Identifier: Apache-2.0
// Versioned parts of the handover format, and where two kernels do not meet.
import type { EndsIn } from './outcome.js';

/** One versioned part of the handover format, for example { name: 'memfd', version: 2 }. */
export interface Component {
  name: string;
  version: number;
}

/** A component that the next kernel does not understand in the version that the old one wrote. */
export interface Mismatch {
  component: string;
  /** Version that the old kernel wrote; null where it does not write the component. */
  wrote: number | null;
  /** Versions that the next kernel reads; empty where it does not know the component. */
  reads: number[];
  endsIn: EndsIn;
  /** How it is known: read from the images, or seen in this run. */
  source: 'images' | 'run';
  detail: string;
}
