// SPDX-License-Identifier: Apache-2.0
export { findSandbox, hostSandbox, INSTALL } from './probe.js';
export { sandboxedCommand, startSandboxed, type Sandboxed, type StartOptions } from './start.js';
export type { Limits, Needs, Sandbox } from './types.js';
