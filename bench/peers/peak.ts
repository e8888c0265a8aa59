/** Fused multiply-adds alone, in AssemblyScript: the most that this engine's vector units can do. */
/** 16 multiply-adds of 4 values for each of `count` rounds; the sums depend on all of them. */
export function multiplyAdds(count: i32, factor: f32): f32 {
  // These are not constants, because V8 would rebuild constants at each use.
  const x = f32x4.splat(factor),
    y = f32x4.splat(1 - factor)
  let a = f32x4.splat(1),
    b = f32x4.splat(2),
    c = f32x4.splat(3),
    d = f32x4.splat(4)
  let e = f32x4.splat(5),
    f = f32x4.splat(6),
    g = f32x4.splat(7),
    h = f32x4.splat(8)
  for (let i = 0; i < count; i++) {
    a = f32x4.relaxed_madd(x, y, a)
    b = f32x4.relaxed_madd(x, y, b)
    c = f32x4.relaxed_madd(x, y, c)
    d = f32x4.relaxed_madd(x, y, d)
    e = f32x4.relaxed_madd(x, y, e)
    f = f32x4.relaxed_madd(x, y, f)
    g = f32x4.relaxed_madd(x, y, g)
    h = f32x4.relaxed_madd(x, y, h)
    a = f32x4.relaxed_madd(x, y, a)
    b = f32x4.relaxed_madd(x, y, b)
    c = f32x4.relaxed_madd(x, y, c)
    d = f32x4.relaxed_madd(x, y, d)
    e = f32x4.relaxed_madd(x, y, e)
    f = f32x4.relaxed_madd(x, y, f)
    g = f32x4.relaxed_madd(x, y, g)
    h = f32x4.relaxed_madd(x, y, h)
  }
  const sum = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)))
  return f32x4.extract_lane(sum, 0)
}
