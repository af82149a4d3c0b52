// SPDX-License-Identifier: Apache-2.0
export type { ImageContext } from './context.js';
export { ensureHostTools } from './host.js';
export { ensureKernel } from './kernel.js';
export { resolveKernel, type ResolvedKernel } from './resolve.js';
export { ensureRootFs } from './rootfs.js';
