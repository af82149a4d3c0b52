// SPDX-License-Identifier: Apache-2.0
// Upstream's own tests (tools/testing/selftests/liveupdate, lib/test_kho.c), run as scenarios.

export const CASE_STATES = ['pass', 'fail', 'skip'] as const;

/** A case of a test, from its KTAP output. A test without cases counts as one case for each stage. */
export interface CaseOfResult {
  /** The kernel it ran on. */
  epoch: number;
  test: string;
  name: string;
  state: (typeof CASE_STATES)[number];
  /** The test's own words, limited in length. */
  detail: string;
}

/** lib/test_kho.c: not a program. A kernel with CONFIG_TEST_KEXEC_HANDOVER=y tests itself while it boots. */
export const TEST_KHO = 'test_kho';

/** By its name, true for a test that hands something over: it runs in two stages. The others test one kernel. */
export function isStaged(test: string): boolean {
  return test.startsWith('luo_') || test === TEST_KHO;
}
