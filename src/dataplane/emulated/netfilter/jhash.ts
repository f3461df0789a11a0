const INITIAL = 0xdeadbeef;

/**
 * Jenkins' hash of 32-bit words, as the kernel has it.
 *
 * @returns an unsigned 32-bit number. Source: Linux, include/linux/jhash.h, `jhash2`.
 */
export function jhashWords(words: readonly number[], seed: number): number {
  const start = (INITIAL + (words.length << 2) + seed) | 0;
  const s = { a: start, b: start, c: start };
  let at = 0;
  for (let left = words.length; left > 3; left -= 3, at += 3) {
    s.a = (s.a + words[at]!) | 0;
    s.b = (s.b + words[at + 1]!) | 0;
    s.c = (s.c + words[at + 2]!) | 0;
    mix(s);
  }
  const left = words.length - at;
  if (left === 0) return s.c >>> 0;
  if (left > 2) s.c = (s.c + words[at + 2]!) | 0;
  if (left > 1) s.b = (s.b + words[at + 1]!) | 0;
  s.a = (s.a + words[at]!) | 0;
  finish(s);
  return s.c >>> 0;
}

/** `value` scaled from 32 bits to [0, range). Source: Linux, `reciprocal_scale`. */
export function scaled(value: number, range: number): number {
  return Number((BigInt(value >>> 0) * BigInt(range)) >> 32n);
}

interface State {
  a: number;
  b: number;
  c: number;
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function mix(s: State): void {
  s.a = ((s.a - s.c) | 0) ^ rotate(s.c, 4);
  s.c = (s.c + s.b) | 0;
  s.b = ((s.b - s.a) | 0) ^ rotate(s.a, 6);
  s.a = (s.a + s.c) | 0;
  s.c = ((s.c - s.b) | 0) ^ rotate(s.b, 8);
  s.b = (s.b + s.a) | 0;
  s.a = ((s.a - s.c) | 0) ^ rotate(s.c, 16);
  s.c = (s.c + s.b) | 0;
  s.b = ((s.b - s.a) | 0) ^ rotate(s.a, 19);
  s.a = (s.a + s.c) | 0;
  s.c = ((s.c - s.b) | 0) ^ rotate(s.b, 4);
  s.b = (s.b + s.a) | 0;
}

function finish(s: State): void {
  s.c = ((s.c ^ s.b) - rotate(s.b, 14)) | 0;
  s.a = ((s.a ^ s.c) - rotate(s.c, 11)) | 0;
  s.b = ((s.b ^ s.a) - rotate(s.a, 25)) | 0;
  s.c = ((s.c ^ s.b) - rotate(s.b, 16)) | 0;
  s.a = ((s.a ^ s.c) - rotate(s.c, 4)) | 0;
  s.b = ((s.b ^ s.a) - rotate(s.a, 14)) | 0;
  s.c = ((s.c ^ s.b) - rotate(s.b, 24)) | 0;
}
