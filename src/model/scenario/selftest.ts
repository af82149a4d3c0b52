// SPDX-License-Identifier: Apache-2.0
// Upstream's own tests (tools/testing/selftests/liveupdate, lib/test_kho.c), run as scenarios.

export const CASE_STATES = ['pass', 'fail', 'skip'] as const;

/** One case of a test, as KTAP tells it; a test that lists none is one case a stage. */
export interface CaseOfResult {
  /** The kernel that it ran on. */
  epoch: number;
  test: string;
  name: string;
  state: (typeof CASE_STATES)[number];
  /** What the test said of it, bounded. */
  detail: string;
}

/**
 * The KHO test module (lib/test_kho.c): no program, but a kernel with CONFIG_TEST_KEXEC_HANDOVER=y that tests itself as
 * it boots.
 */
export const TEST_KHO = 'test_kho';

/** Tests that hand something over run in two stages; the others test one kernel. */
export function isStaged(test: string): boolean {
  return test.startsWith('luo_') || test === TEST_KHO;
}
