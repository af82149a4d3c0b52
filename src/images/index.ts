// SPDX-License-Identifier: Apache-2.0
export { type AbiObjects, definitionObjects, treeObjects } from './abi.js';
export { type AbiWanted } from './abi-probe.js';
export { isSourceTree } from './abi-tree.js';
export { defaultCacheDir } from './cache.js';
export { SCANNED } from './components.js';
export { type ImageContext, openWorkspace } from './context.js';
export { findByHash, findImage } from './find-image.js';
export { ensureHostTools, ensureTools, findProgram, hostTools, installLine, type Purpose, type ToolState } from './host.js';
export { ensureKselftest } from './kselftest.js';
export { ensureKernel, findBuilt } from './kernel.js';
export { buildableNames, definedKernels, type ImageDetails, type ImageEntry, listImages, type Removed, removeImage, ROOTFS_NAME, showImage } from './list.js';
export { type KernelParcel, offerKernel, takeKernel } from './parcel.js';
export { prebuiltKernel } from './prebuilt.js';
export { type KernelRecipe, recipeOf } from './recipe.js';
export { resolveKernel, type ResolvedKernel } from './resolve.js';
export { ensureRootFs } from './rootfs.js';
export { withFile } from './section.js';
export { writeVariant } from './variant.js';
