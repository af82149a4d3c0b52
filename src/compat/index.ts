// SPDX-License-Identifier: Apache-2.0
export { switchOf } from './cmdline.js';
export { comparePair } from './compare.js';
export { ComponentError, formatComponent, parseComponent, sameComponent, versionsOf } from './component.js';
export { predict, type KernelFacts, type PredictInput } from './predict.js';
export { USES, type Use } from './rules.js';
