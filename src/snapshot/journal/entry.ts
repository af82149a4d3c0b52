// SPDX-License-Identifier: Apache-2.0
// The journal of a run: what the lab asked its agents and what they answered, in order, with marks for the rungs. A
// resumed run asks the same again and gets these answers (docs/snapshots.md).
import { z } from 'zod';
import { RUNGS } from '../../model/result/snapshot.js';
import { parseJson } from '../../util/json.js';

export const JOURNAL_FILE = 'journal.jsonl';
/** Bytes of a whole journal. The page frames of a badly fragmented 8 GiB file take 40 MiB. */
export const MAX_JOURNAL = 96 << 20;

const port = z.number().int().min(0).max(1000);
const entrySchema = z.discriminatedUnion('kind', [
  /** The lab opened the port, and a new agent greeted it. */
  z.object({ kind: z.literal('open'), port }),
  /** The agent was gone. */
  z.object({ kind: z.literal('closed'), port }),
  /** `request` and `replies` are lines without their number. A request may have no reply, or several. */
  z.object({ kind: z.literal('request'), port, request: z.string(), replies: z.array(z.string()) }),
  z.object({ kind: z.literal('rung'), rung: z.enum(RUNGS) }),
]);
export type Entry = z.infer<typeof entrySchema>;

export function journalText(entries: readonly Entry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** Null if a line is not an entry. */
export function readJournal(text: string): Entry[] | null {
  const entries: Entry[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const entry = parseJson(line, entrySchema);
    if (entry === null) return null;
    entries.push(entry);
  }
  return entries;
}

/** A request: `ID OPERATION KEY=VALUE...`. Null if the line is none. */
export function splitRequest(line: string): { id: number; rest: string } | null {
  const [, id, rest] = /^(\d{1,15}) (.*)$/s.exec(line) ?? [];
  return id === undefined || rest === undefined ? null : { id: Number(id), rest };
}

/** A reply: `{"id":ID,...}`. Null if the line does not begin like one. */
export function splitReply(line: string): { id: number; rest: string } | null {
  const [, id, rest] = /^\{"id":(\d{1,15}),(.*)$/s.exec(line) ?? [];
  return id === undefined || rest === undefined ? null : { id: Number(id), rest };
}

/** The reply with the number of another request. */
export const joinReply = (id: number, rest: string): string => `{"id":${id},${rest}`;
