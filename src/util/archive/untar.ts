// SPDX-License-Identifier: Apache-2.0
// Makes a tar parser the end of a pipeline. It is not a Node stream itself, so pipeline() could not end it after an
// error.
import { Writable } from 'node:stream';
import type { Parser } from 'tar';

export function intoTar(parser: Parser): Writable {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        if (parser.write(chunk)) done();
        else parser.once('drain', () => done());
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
    final(done) {
      parser.once('finish', () => done());
      parser.end();
    },
  });
  parser.on('error', (error: Error) => sink.destroy(error));
  return sink;
}
