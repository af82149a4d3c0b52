// SPDX-License-Identifier: Apache-2.0
// What a cold run asks and hears is replayed to a run that asks the same, and to no other.
import { describe, expect, it } from 'vitest';
import type { Rung } from '../../../src/model/result/snapshot.js';
import { Divergence, type Entry, Journal, readJournal, Replay } from '../../../src/snapshot/index.js';

/** A run up to the jump: two clients, progress, an error, and the request that nobody answers. */
function recorded(): Journal {
  const journal = new Journal();
  journal.mark('booted');
  journal.opened(0);
  journal.sent(0, '1 hello');
  journal.received(0, '{"id":1,"ok":true,"release":"7.3"}');
  journal.opened(1);
  journal.sent(0, '2 memfd size=4096');
  journal.sent(1, '1 create session=s');
  journal.received(0, '{"id":2,"progress":5}');
  journal.received(1, '{"id":1,"ok":false,"errno":"EBUSY","us":3}');
  journal.received(0, '{"id":2,"ok":true,"us":9}');
  journal.closed(1);
  journal.sent(0, '3 kexec ');
  journal.received(0, '{"id":3,"ok":true}');
  journal.sent(0, '3 go');
  journal.mark('jump');
  return journal;
}

function replayOf(journal: Journal, rung: Rung): Replay {
  const entries = readJournal(journal.text());
  if (entries === null) throw new Error('the journal cannot be read');
  return new Replay(entries, rung);
}

describe('a journal', () => {
  it('answers the same requests with their own numbers, on each port in its own order', () => {
    const replay = replayOf(recorded(), 'jump');
    replay.take(1, 'open');
    expect(replay.request(1, '7 create session=s')).toEqual(['{"id":7,"ok":false,"errno":"EBUSY","us":3}']);
    replay.take(0, 'open');
    expect(replay.request(0, '4 hello')).toEqual(['{"id":4,"ok":true,"release":"7.3"}']);
    expect(replay.request(0, '5 memfd size=4096')).toEqual(['{"id":5,"ok":true,"us":9}']);
    replay.take(1, 'closed');
    expect(replay.next(1)).toBeNull();
    expect(replay.request(0, '6 kexec ')).toEqual(['{"id":6,"ok":true}']);
    expect(replay.request(0, '6 go')).toEqual([]);
    expect(() => replay.finish()).not.toThrow();
  });

  it('ends at the rung', () => {
    const replay = replayOf(recorded(), 'booted');
    expect(replay.next(0)).toBeNull();
    expect(() => replay.finish()).not.toThrow();
    expect(() => replay.take(0, 'open')).toThrow(Divergence);
    expect(() => replayOf(recorded(), 'kho')).toThrow(Divergence);
  });

  it.each<[string, (replay: Replay) => void, string]>([
    ['another value', (replay) => replay.request(0, '1 hello x=1'), 'asked "1 hello x=1", but the journal has "hello"'],
    ['another request', (replay) => replay.request(0, '1 memfd size=4096'), 'the journal has "hello"'],
    ['no request', (replay) => replay.request(0, 'hello'), 'the journal has "hello"'],
    ['another port', (replay) => replay.request(5, '1 hello'), 'the journal has nothing more'],
    ['an agent that is gone too soon', (replay) => replay.take(0, 'closed'), 'closed, but the journal has "hello"'],
    ['an end too soon', (replay) => replay.finish(), 'the run did not ask "hello"'],
  ])('does not answer %s', (_, ask, message) => {
    const replay = replayOf(recorded(), 'jump');
    replay.take(0, 'open');
    expect(() => ask(replay)).toThrow(Divergence);
    expect(() => ask(replay)).toThrow(message);
  });

  it('does not make a machine repeat control characters in a message', () => {
    expect(() => replayOf(recorded(), 'jump').request(0, '1 a\u001b[31m')).toThrow(/"1 a\\x1b\[31m"/i);
  });
});

describe('a mark', () => {
  it('tells how many entries come before it', () => {
    const journal = new Journal();
    expect(journal.mark('booted')).toEqual({ state: 'marked', entries: 0 });
    journal.opened(0);
    expect(journal.mark('open')).toEqual({ state: 'marked', entries: 2 });
  });

  it('is refused while an agent owes an answer, and set once it has come', () => {
    const journal = new Journal();
    journal.opened(0);
    journal.sent(0, '1 stat');
    expect(journal.mark('jump')).toEqual({ state: 'refused', why: 'an agent has not answered stat' });
    journal.received(0, '{"id":1,"ok":true}');
    expect(journal.mark('jump')).toMatchObject({ state: 'marked' });
  });

  it('has nothing of what is said after it: a reboot call that returns cannot be replayed', () => {
    const journal = recorded();
    const before = journal.text();
    journal.received(0, '{"id":3,"ok":false,"errno":"EBUSY"}');
    expect(journal.text()).toBe(before);
    expect(journal.mark('kho')).toMatchObject({ state: 'refused' });
  });

  it('does not wait for an agent that is gone', () => {
    const journal = new Journal();
    journal.opened(0);
    journal.sent(0, '1 stat');
    journal.closed(0);
    expect(journal.mark('jump')).toMatchObject({ state: 'marked' });
  });

  it.each<[string, (journal: Journal) => void]>([
    ['that is no reply', (journal) => journal.received(0, 'hello')],
    ['to nobody', (journal) => journal.received(0, '{"id":9,"ok":true}')],
    [
      'twice',
      (journal) => {
        journal.sent(0, '1 a');
        journal.received(0, '{"id":1,"ok":true}');
        journal.received(0, '{"id":1,"ok":true}');
      },
    ],
  ])('is refused for good after a line %s', (_, say) => {
    const journal = new Journal();
    say(journal);
    expect(journal.mark('jump')).toEqual({
      state: 'refused',
      why: 'an agent said something that is no reply to a request',
    });
  });

  it('is refused when the journal is full, and the journal holds no more', () => {
    const journal = new Journal(1000);
    journal.opened(0);
    for (let id = 1; id < 50; id++) {
      journal.sent(0, `${id} read`);
      journal.received(0, `{"id":${id},"data":"${'x'.repeat(90)}"}`);
    }
    expect(journal.mark('jump')).toEqual({ state: 'refused', why: 'agents said more than 1000 bytes' });
    expect(journal.text().length).toBeLessThan(2000);
  });
});

it('a damaged journal is not read', () => {
  const text = recorded().text();
  expect(readJournal(text)?.length).toBeGreaterThan(5);
  for (const bad of [text.slice(0, -5), text.replace('"port":0', '"port":-1'), `${text}{"kind":"rung","rung":"x"}\n`])
    expect(readJournal(bad)).toBeNull();
  const entries: Entry[] | null = readJournal('');
  expect(entries).toEqual([]);
});
