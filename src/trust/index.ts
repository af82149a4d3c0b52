// SPDX-License-Identifier: Apache-2.0
// The rule for data from somebody else: what it may use of this host. Every input goes through it (docs/security.md).
export { checkUntrusted, dataRule, isPlainName, type LabFacts } from './rule.js';
export { qemuRefusal } from './qemu-args.js';
