// SPDX-License-Identifier: Apache-2.0
export { type BareGuest, checkChain, type ChainView, landingPage } from './chain.js';
export { type ControlPage, type DeviceControl, readControl, type VcpuControl } from './control.js';
export { Links } from './links.js';
export { Snapshot } from './snapshot.js';
