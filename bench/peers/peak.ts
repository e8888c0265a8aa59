/**
 * Fused multiply-adds alone, in AssemblyScript: what this engine's vector units can do at most. Each function makes `count`
 * rounds of 8 chains, as many as the units need to be busy.
 */

/** Chains of one vector: 8 multiply-adds of 4 values a round. */
export function single(at: usize, count: i32): void {
  const x = v128.load32_splat(at)
  let a = v128.load(at, 16)
  let b = v128.load(at, 32)
  let c = v128.load(at, 48)
  let d = v128.load(at, 64)
  let e = v128.load(at, 80)
  let f = v128.load(at, 96)
  let g = v128.load(at, 112)
  let h = v128.load(at, 128)
  for (let i = 0; i < count; i++) {
    a = f32x4.relaxed_madd(a, x, a)
    b = f32x4.relaxed_madd(b, x, b)
    c = f32x4.relaxed_madd(c, x, c)
    d = f32x4.relaxed_madd(d, x, d)
    e = f32x4.relaxed_madd(e, x, e)
    f = f32x4.relaxed_madd(f, x, f)
    g = f32x4.relaxed_madd(g, x, g)
    h = f32x4.relaxed_madd(h, x, h)
  }
  v128.store(at, a, 1024)
  v128.store(at, b, 1088)
  v128.store(at, c, 1152)
  v128.store(at, d, 1216)
  v128.store(at, e, 1280)
  v128.store(at, f, 1344)
  v128.store(at, g, 1408)
  v128.store(at, h, 1472)
}

/** Chains of two vectors that lie one after another, which some engines merge: 16 multiply-adds of 4 values a round. */
export function pairs(at: usize, count: i32): void {
  const x = v128.load32_splat(at)
  let a = v128.load(at, 16),
    aNext = v128.load(at, 32)
  let b = v128.load(at, 48),
    bNext = v128.load(at, 64)
  let c = v128.load(at, 80),
    cNext = v128.load(at, 96)
  let d = v128.load(at, 112),
    dNext = v128.load(at, 128)
  let e = v128.load(at, 144),
    eNext = v128.load(at, 160)
  let f = v128.load(at, 176),
    fNext = v128.load(at, 192)
  let g = v128.load(at, 208),
    gNext = v128.load(at, 224)
  let h = v128.load(at, 240),
    hNext = v128.load(at, 256)
  for (let i = 0; i < count; i++) {
    a = f32x4.relaxed_madd(a, x, a)
    aNext = f32x4.relaxed_madd(aNext, x, aNext)
    b = f32x4.relaxed_madd(b, x, b)
    bNext = f32x4.relaxed_madd(bNext, x, bNext)
    c = f32x4.relaxed_madd(c, x, c)
    cNext = f32x4.relaxed_madd(cNext, x, cNext)
    d = f32x4.relaxed_madd(d, x, d)
    dNext = f32x4.relaxed_madd(dNext, x, dNext)
    e = f32x4.relaxed_madd(e, x, e)
    eNext = f32x4.relaxed_madd(eNext, x, eNext)
    f = f32x4.relaxed_madd(f, x, f)
    fNext = f32x4.relaxed_madd(fNext, x, fNext)
    g = f32x4.relaxed_madd(g, x, g)
    gNext = f32x4.relaxed_madd(gNext, x, gNext)
    h = f32x4.relaxed_madd(h, x, h)
    hNext = f32x4.relaxed_madd(hNext, x, hNext)
  }
  v128.store(at, a, 16)
  v128.store(at, aNext, 32)
  v128.store(at, b, 48)
  v128.store(at, bNext, 64)
  v128.store(at, c, 80)
  v128.store(at, cNext, 96)
  v128.store(at, d, 112)
  v128.store(at, dNext, 128)
  v128.store(at, e, 144)
  v128.store(at, eNext, 160)
  v128.store(at, f, 176)
  v128.store(at, fNext, 192)
  v128.store(at, g, 208)
  v128.store(at, gNext, 224)
  v128.store(at, h, 240)
  v128.store(at, hNext, 256)
}
