// SPDX-License-Identifier: Apache-2.0
export { type BareGuest, checkChain, type ChainLook } from './chain.js';
export { type ControlPage, readControl, type VcpuControl } from './control.js';
export { Links } from './links.js';
export { Snapshot } from './snapshot.js';
