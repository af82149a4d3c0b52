// SPDX-License-Identifier: Apache-2.0
// Every parser of foreign input.
import type { Target } from '../target.js';
import { ARCHIVES } from './archives.js';
import { IMAGES } from './images.js';
import { MACHINE } from './machine.js';
import { MEMORY } from './memory.js';
import { RESULT_FILES } from './results.js';
import { SCENARIOS } from './scenarios.js';

export const TARGETS: readonly Target[] = [
  ...MACHINE,
  ...MEMORY,
  ...IMAGES,
  ...SCENARIOS,
  ...RESULT_FILES,
  ...ARCHIVES,
];
