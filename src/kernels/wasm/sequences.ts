/** The sequences of a batch that have lengths of their own, in the order of the kernels' rows: see assembly/plan.ts. */
export interface Sequences {
  /** The sequence in each row of all parts; −1 for padding. */
  readonly order: Int32Array
  /** Its length; 0 for padding. */
  readonly lengths: Int32Array
  /** Whether the order is the batch's own. */
  readonly sorted: boolean
}

/**
 * Sorts sequences by length, the longest first, cuts them into parts of `rows`, and deals these to groups.
 * @param group the parts of a group @param dealt whether groups take turns, so that their lengths add up to about the same;
 *   otherwise they follow one another, the longest first
 */
export function sorted(lengths: Int32Array, rows: number, group: number, dealt: boolean): Sequences {
  const byLength = Array.from(lengths.keys()).sort((a, b) => lengths[b] - lengths[a])
  const parts = Math.ceil(lengths.length / rows)
  const order = new Int32Array(parts * rows).fill(-1)
  for (const [place, part] of (dealt
    ? dealtParts(parts, group)
    : Array.from({ length: parts }, (_, i) => i)
  ).entries()) {
    order.set(byLength.slice(part * rows, (part + 1) * rows), place * rows)
  }
  return {
    order,
    lengths: order.map((sequence) => (sequence < 0 ? 0 : lengths[sequence])),
    sorted: lengths.every((_, i) => order[i] === i),
  }
}

/** The numbers of the parts of each group, one group after another: every part goes to the next group that has room. */
function dealtParts(parts: number, group: number): number[] {
  const groups = Array.from({ length: Math.ceil(parts / group) }, (_, i) => ({
    room: Math.min(group, parts - i * group),
    parts: [] as number[],
  }))
  for (let part = 0; part < parts; ) {
    for (const taker of groups) {
      if (taker.parts.length < taker.room && part < parts) taker.parts.push(part++)
    }
  }
  return groups.flatMap(({ parts }) => parts)
}
