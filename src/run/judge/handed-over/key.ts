// SPDX-License-Identifier: Apache-2.0
import { tokenOf } from '../../../model/scenario/token.js';
import type { ExpectedFile } from '../../state/file.js';
import { RunState } from '../../state/run-state.js';

/** The key of a file that the run knows itself. */
export function keyOfKnown({ session, token, name }: Pick<ExpectedFile, 'session' | 'token' | 'name'>): string {
  return session === null || token === null ? name : RunState.key(session, token);
}

/** Under which key the run knows what was handed over: session and token (as text), or the name of reserved memory. */
export function keyOf({ session, name }: { session: string | null; name: string }): string {
  const token = session === null ? null : tokenOf(name);
  return session === null || token === null ? name : RunState.key(session, token);
}
