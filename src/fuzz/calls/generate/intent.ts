// SPDX-License-Identifier: Apache-2.0
// What somebody may want to do: how often, and the operations that do it.
import type { Operation } from '../operation.js';
import type { Draw } from './draw.js';
import type { Scene } from './scene.js';

export interface Intent {
  weight: number;
  /** Empty if the state cannot grant it. */
  operations: (draw: Draw, scene: Scene) => Operation[];
}
