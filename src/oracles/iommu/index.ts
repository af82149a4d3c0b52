// SPDX-License-Identifier: Apache-2.0
// What an IOMMU does to a device's DMA, seen from outside: its tables in the machine's memory, its history in QEMU's
// trace, and stray DMA. Pure.
export { walkAmd } from './walk/amd.js';
export { compareTables, type OwnerOf } from './compare.js';
export { damageOf, type EntryChange } from './damage.js';
export { type TableRoot, walkDevice } from './walk/device.js';
export type { Difference, DifferenceKind, TableComparison } from './differences.js';
export { addressText } from './walk/finish.js';
export { gap, type Gap, type OffInterval, rootAt } from './gap.js';
export { IOMMU_REGISTERS, type IommuRegisters, readRegisters, type Register } from './registers.js';
export { findStrays, type RightPlace, type Strays, type StraySnapshot, takeSnapshot, type Transfer } from './strays.js';
export { contradictionOf, type Sight } from './sight.js';
export { isSwitch, type IommuTimeline, parseTimeline, TimelineReader } from './timeline.js';
export { type IommuEvent, type IommuEventKind, type IommuFault } from './trace-events.js';
export * from './walk/types.js';
export { walkIntel } from './walk/vtd.js';
