// SPDX-License-Identifier: Apache-2.0
// Versions that an operator pins for a fleet, so that every host can be updated to any other kernel of it, and back.
import type { Component } from '../kernel/component.js';

export interface Feature {
  name: string;
  /** The lowest versions that support it. */
  needs: Component[];
}

export interface Profile {
  name: string;
  description: string;
  /** One version for each component. */
  pins: Component[];
  /** Each one needs only pinned components. */
  features: Feature[];
  file: string;
}
