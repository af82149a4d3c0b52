// SPDX-License-Identifier: Apache-2.0
export { switchOf } from './cmdline.js';
export { type AbiDiff, coveringVersion, diffAbi, type StructureChange } from './abi-diff.js';
export { CROSSING, FURTHER_HEADERS, STAYS } from './abi-rules.js';
export { type ByteSource, FormatError, fromMemory } from './bytes.js';
export { type Carried, carriedBy, mismatchesOf, predictScenario } from './chain.js';
export { type CheckInput, checkPair, type ComponentCheck, type ComponentMeeting, type DirectionCheck, type PairCheck } from './check.js';
export { comparePair } from './compare.js';
export { ComponentError, formatComponent, parseComponent, sameComponent, versionsOf } from './component.js';
export { collectDefines, versionsFromDefines } from './defines.js';
export { debugSections, readTypes } from './dwarf.js';
export { readElf } from './elf.js';
export { crossingStructures } from './layout.js';
export { meets, type MeetsOptions } from './meets.js';
export { neededVersion, type ObjectContent, withCmdline } from './object.js';
export { predict, type KernelFacts, type PredictInput } from './predict.js';
export { USES, type Use } from './rules.js';
export { type SectionAnswer, versionsOfImage } from './sections.js';
export { type ImageEvidence, type KernelVersions, kernelVersions, stockVersions } from './versions.js';
