// SPDX-License-Identifier: Apache-2.0
// One run on one machine: from a plan to a record.
export { type Breakpoint, type OnBreakpoint, type Point, POINTS, POINTS_TEXT } from './engine/breakpoint.js';
export { execute, REAL_PARTS } from './engine/execute.js';
export type { Resumed, RungSaver, RunPlan, Savable } from './engine/plan.js';
export type { RunStreams } from './engine/streams.js';
export {
  configOf,
  failsAllocations,
  featuresMissingInKernels,
  featuresMissingInQemu,
  iommuOptions,
  type MissingFeature,
} from './machine/hardware.js';
export { cmdlineOf, machineConfig } from './machine/layout.js';
export type { Machine } from './machine/machine.js';
export type { Debugger, MachineParts, Monitor, Process, RunParts, Tail } from './machine/parts.js';
export { missingMemory } from './machine/memory-shortage.js';
export type { RunRecord } from './record/record.js';
export { mismatchesSeen } from './record/mismatches.js';
export { buildResult } from './record/result.js';
export { Timeline } from './record/timeline.js';
export { takesDebugger } from './update/kexec-breakpoint.js';
