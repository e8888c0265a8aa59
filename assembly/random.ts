/** Counter-based random numbers, as src/core/counter-random.ts makes them: eight words from four counters at a time. */
import { bytes, splat } from "./simd";

const PARITY: u32 = 0x1bd11bda;

// @ts-ignore: decorator
@inline
function mix(a: v128, b: v128, bits: i32): v128 {
  return v128.xor(v128.or(i32x4.shl(b, bits), i32x4.shr_u(b, 32 - bits)), a);
}

/** Writes the 24 high bits of words 2 c to 2 c + 7, where c is the first counter, to y. */
function draw(k0: u32, k1: u32, counter: u32, y: usize): void {
  const key0 = i32x4.splat(k0);
  const key1 = i32x4.splat(k1);
  const key2 = i32x4.splat(k0 ^ k1 ^ PARITY);
  let a = i32x4.add(i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3)), key0);
  let b = key1;
  a = i32x4.add(a, b); b = mix(a, b, 13);
  a = i32x4.add(a, b); b = mix(a, b, 15);
  a = i32x4.add(a, b); b = mix(a, b, 26);
  a = i32x4.add(a, b); b = mix(a, b, 6);
  a = i32x4.add(a, key1); b = i32x4.add(b, i32x4.add(key2, i32x4.splat(1)));
  a = i32x4.add(a, b); b = mix(a, b, 17);
  a = i32x4.add(a, b); b = mix(a, b, 29);
  a = i32x4.add(a, b); b = mix(a, b, 16);
  a = i32x4.add(a, b); b = mix(a, b, 24);
  a = i32x4.add(a, key2); b = i32x4.add(b, i32x4.add(key0, i32x4.splat(2)));
  a = i32x4.add(a, b); b = mix(a, b, 13);
  a = i32x4.add(a, b); b = mix(a, b, 15);
  a = i32x4.add(a, b); b = mix(a, b, 26);
  a = i32x4.add(a, b); b = mix(a, b, 6);
  a = i32x4.add(a, key0); b = i32x4.add(b, i32x4.add(key1, i32x4.splat(3)));
  a = i32x4.add(a, b); b = mix(a, b, 17);
  v128.store(y, i32x4.shr_u(v128.shuffle<i32>(a, b, 0, 4, 1, 5), 8));
  v128.store(y, i32x4.shr_u(v128.shuffle<i32>(a, b, 2, 6, 3, 7), 8), 16);
}

/** y = multiples of 2⁻²⁴ in [0, 1); there is room for seven more values. */
export function uniform(k0: u32, k1: u32, y: usize, length: i32): void {
  let counter: u32 = 0;
  for (const end = y + bytes(length); y < end; y += 32, counter += 4) {
    draw(k0, k1, counter, y);
    const scale = splat(5.9604644775390625e-8);
    const y0 = f32x4.mul(f32x4.convert_i32x4_u(v128.load(y)), scale);
    const y1 = f32x4.mul(f32x4.convert_i32x4_u(v128.load(y, 16)), scale);
    v128.store(y, y0);
    v128.store(y, y1, 16);
  }
}

/** y = value where the 24 bits are at least the threshold, and otherwise 0; there is room for seven more values. */
export function mask(k0: u32, k1: u32, threshold: i32, value: f32, y: usize, length: i32): void {
  const least = i32x4.splat(threshold);
  let counter: u32 = 0;
  for (const end = y + bytes(length); y < end; y += 32, counter += 4) {
    draw(k0, k1, counter, y);
    const y0 = v128.and(i32x4.ge_s(v128.load(y), least), splat(value));
    const y1 = v128.and(i32x4.ge_s(v128.load(y, 16), least), splat(value));
    v128.store(y, y0);
    v128.store(y, y1, 16);
  }
}
