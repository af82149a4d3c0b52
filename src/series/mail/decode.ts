// SPDX-License-Identifier: Apache-2.0
// The encodings of mails: quoted-printable, base64, and words of headers. Bytes are latin1 strings.

export function decodeBody(bytes: string, encoding: string): string {
  switch (encoding.trim().toLowerCase()) {
    case 'quoted-printable':
      return quotedPrintable(bytes.replace(/[ \t]+$/gm, '').replace(/=\r?\n/g, ''));
    case 'base64':
      return base64(bytes);
    default:
      return bytes;
  }
}

function quotedPrintable(text: string): string {
  return text.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function base64(text: string): string {
  return Buffer.from(text, 'base64').toString('latin1');
}

/** RFC 2047: =?utf-8?q?...?= */
const WORD = /=\?([\w-]{1,40})\?([bqBQ])\?([^?\s]*)\?=/g;

/** The text of a header, with its encoded words. */
export function decodeHeader(bytes: string): string {
  // Spaces between two encoded words belong to the encoding.
  const joined = bytes.replace(/\?=[ \t]+=\?/g, '?==?');
  let ascii = true;
  const text = joined.replace(WORD, (_, charset: string, how: string, content: string) => {
    ascii = false;
    const decoded = how.toLowerCase() === 'b' ? base64(content) : quotedPrintable(content.replaceAll('_', ' '));
    return inCharset(decoded, charset);
  });
  return ascii ? inCharset(joined, 'utf-8') : text;
}

function inCharset(bytes: string, charset: string): string {
  try {
    return new TextDecoder(charset).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return bytes;
  }
}
