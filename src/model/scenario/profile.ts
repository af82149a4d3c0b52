// SPDX-License-Identifier: Apache-2.0
// Versions that an operator pins for a whole fleet, so that any host can be updated to any other, and back.
import type { Component } from '../kernel/component.js';

export interface Feature {
  name: string;
  /** Least versions that carry it. */
  needs: Component[];
}

export interface Profile {
  name: string;
  description: string;
  /** One version a component. */
  pins: Component[];
  /** Each needs components that are pinned. */
  features: Feature[];
  file: string;
}
