/** Damages requests, as fuzzers do, from the random numbers it is given. */

const PIECES = [
  "\r",
  "\n",
  "\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "\x7f",
  "\xff",
  "0",
  "-1",
  "ffffffffffffffff",
  "\r\n\r\n",
  "\n\n",
  "%00",
  "../",
  " HTTP/1.1\r\n",
  " HTTP/9.9\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 99999999999999999999\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Expect: 100-continue\r\n",
  "Connection: close\r\n",
  "Host: other\r\n",
  "7\r\nchunked\r\n",
  "0\r\n\r\n",
].map((piece) => Buffer.from(piece, "latin1"));

/** Changes bytes at a few random places: some are replaced, removed, repeated, or get something put before them. */
export function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let result = bytes;
  for (let change = random(4); change >= 0; change--) {
    const at = random(result.length + 1);
    const head = result.subarray(0, at);
    const length = random(8);
    switch (random(5)) {
      case 0:
        result = Buffer.concat([head, PIECES[random(PIECES.length)]!, result.subarray(at)]);
        break;
      case 1:
        result = Buffer.concat([head, PIECES[random(PIECES.length)]!, result.subarray(at + length)]);
        break;
      case 2:
        result = Buffer.concat([head, result.subarray(at + length)]);
        break;
      case 3: {
        const copy = Buffer.from(result);
        if (at < copy.length) copy[at] = random(256);
        result = copy;
        break;
      }
      default: {
        // A stretch that is repeated often is what lengthens lines, fields and chunks past limits.
        const stretch = result.subarray(at, at + 1 + random(64));
        const times = random(10) === 0 ? random(1000) : random(4);
        result = Buffer.concat([head, ...Array.from({ length: times }, () => stretch), result.subarray(at)]);
      }
    }
  }
  return result;
}
