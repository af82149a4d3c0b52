// SPDX-License-Identifier: Apache-2.0
import { tokenOf } from '../../../model/scenario/token.js';
import { RunState } from '../../state/run-state.js';

/** Under which key the run knows what was handed over: session and token (as text), or the name of reserved memory. */
export function keyOf({ session, name }: { session: string | null; name: string }): string {
  const token = session === null ? null : tokenOf(name);
  return session === null || token === null ? name : RunState.key(session, token);
}
