// SPDX-License-Identifier: Apache-2.0
export { switchOf } from './binary/cmdline.js';
export { isSet, valueOf } from './binary/config.js';
export { type AbiDiff, coveringVersion, diffAbi, type StructureChange } from './abi/diff.js';
export { CROSSING, FURTHER_HEADERS, STAYS } from './abi/rules.js';
export { type BootMemory, bootMemory, type MemoryPlan, USUAL_INITRAMFS } from './memory/boot-memory.js';
export { type ByteSource, FormatError, fromMemory } from './binary/bytes.js';
export { type Carried, carriedBy, mismatchesOf, predictScenario, readByLast } from './predict/chain.js';
export { loadingOf } from './predict/signature.js';
export {
  type CheckedKernel,
  type CheckInput,
  checkPair,
  type ComponentCheck,
  type ComponentComparison,
  type DirectionCheck,
  isUnseen,
  type PairCheck,
} from './check.js';
export { unknownToLab } from './abi/unknown.js';
export { comparePair } from './rules/compare.js';
export {
  ComponentError,
  componentsIn,
  formatComponent,
  parseComponent,
  sameComponent,
  versionsOf,
} from './binary/component.js';
export { collectDefines, versionsFromDefines } from './binary/defines.js';
export { debugSections, readTypes } from './binary/dwarf.js';
export { readFunctions, type SourceFunction } from './binary/dwarf-functions.js';
export { type LineRow, type LineUnit, readLineUnits } from './binary/dwarf-lines.js';
export { readElf, sectionBytes, sectionsNamed } from './binary/elf.js';
export { scratchOptionText } from './memory/scratch.js';
export { type MemoryLeft, memoryLeft } from './memory/memory-left.js';
export { lateAreasRuling } from './memory/late-areas.js';
export { type FunctionSymbol, functionsOf, symbolsOf } from './binary/elf-symbols.js';
export { crossingStructures } from './abi/layout.js';
export { hardwarePart } from './rules/hardware.js';
export { pinGuests, pinnedState } from './guest-pin.js';
export { neededState, writtenState } from './predict/guests.js';
export { findMismatches, type MismatchOptions, splitByImages } from './find-mismatches.js';
export { neededVersion, type ObjectContent, withCmdline } from './rules/object.js';
export { predict, type PredictInput } from './predict/predict.js';
export type { KernelFacts } from './versions/kernel-facts.js';
export { bumped, checkProfile, type Host, type HostCheck, pinnedCmdline, type ProfileCheck } from './profile.js';
export { USES, type Use } from './rules/rules.js';
export { type SectionAnswer, versionsOfImage } from './binary/sections.js';
export { registeredIn } from './binary/registered.js';
export { type ImageEvidence, type KernelVersions, kernelVersions, stockVersions } from './versions/versions.js';
