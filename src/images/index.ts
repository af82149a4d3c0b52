// SPDX-License-Identifier: Apache-2.0
export { type AbiObjects, definitionObjects, treeObjects } from './abi/objects.js';
export { readDefinition } from './definition/definition.js';
export type { AbiWanted } from './abi/probe.js';
export { isSourceTree } from './abi/tree.js';
export { defaultCacheDir } from './cache/cache.js';
export { SCANNED } from './binary/components.js';
export { type ImageContext, openWorkspace } from './context.js';
export { findByHash, findImage } from './cache/find-image.js';
export {
  ensureHostTools,
  ensureTools,
  findProgram,
  hostTools,
  installLine,
  type Purpose,
  type ToolState,
} from './requirements.js';
export { ensureKselftest, type ListedTest, listKselftests } from './build/kselftest.js';
export { ensureExactly, ensureKernel, type Extent, findBuilt } from './build/kernel.js';
export {
  buildableNames,
  definedKernels,
  type ImageDetails,
  type ImageEntry,
  listImages,
  ROOTFS_NAME,
  showImage,
  userspaceOf,
} from './cache/list.js';
export { type Removed, removeImage } from './cache/remove.js';
export { type Exchanged, pullImage, pushImage } from './store/exchange.js';
export { type KernelArchive, offerKernel, takeKernel } from './transfer/archive.js';
export { prebuiltKernel } from './binary/prebuilt.js';
export { type KernelRecipe, recipeOf } from './build/recipe.js';
export { isPath as isKernelPath, nameProblem, resolveKernel, type ResolvedKernel } from './definition/resolve.js';
export { currentRootFs, ensureRootFs } from './build/rootfs.js';
export { coreRootFs } from './core-rootfs.js';
export { ensureUserspace } from './userspace/build.js';
export { userspaceDefinition } from './userspace/definition.js';
export { withFile } from './binary/section.js';
export { sourceTreeOf } from './source/source-tree.js';
export { ensureSymbols, findSymbols, movedFunctions, type Symbols } from './build/symbols.js';
export { kernelsOfTree } from './available/tree-kernels.js';
export { type Available, kernelsOfSuite, listAvailable } from './available/offers.js';
export { definitionText } from './available/versions.js';
export { describeConfig } from './config/starting-config.js';
export { problemsOfSigning } from './signing/possible.js';
export { signImage } from './signing/sign.js';
export { defineWithConfig } from './config/config-of-file.js';
export { defineSeries, type SeriesKernels } from './definition/series.js';
export { DoesNotApply, DoesNotBuild } from './failures.js';
export { checkApplies } from './source/apply.js';
export { writeVariant } from './definition/variant.js';
