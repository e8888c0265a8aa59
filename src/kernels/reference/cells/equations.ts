/** The values of a unit at one time step. */
export interface Unit {
  /** The value of each gate, and whatever else the gradients need. */
  gates: readonly number[]
  h: number
  /** 0 in cells without it. */
  c: number
}

/** The gradients of a unit's sums on the input's side and on the hidden state's, and the direct ones of h' and c'. */
export interface UnitGrads {
  input: readonly number[]
  hidden: readonly number[]
  h: number
  c: number
  /** Those of the peepholes, if the cell has them. */
  peepholes?: readonly number[]
}

/** A cell as its equations for one unit of one sequence. */
export interface Equations {
  /**
   * @param a for each gate W_ih x + b_ih, @param u for each gate W_hh h' + b_hh
   * @param before h' and c'
   * @param peepholes the weights of c in the gates of an LSTM
   */
  forward(
    a: readonly number[],
    u: readonly number[],
    before: Pick<Unit, 'h' | 'c'>,
    peepholes?: readonly number[],
  ): Unit
  /** @param dh, @param dc the gradients of h and c; that of c includes what `output` has of it */
  backward(unit: Unit, before: Pick<Unit, 'h' | 'c'>, dh: number, dc: number, peepholes?: readonly number[]): UnitGrads
  /** How h is made of c, in cells with a state c. */
  output?: {
    /** @param c as it is, or normalized */
    h(gates: readonly number[], c: number): number
    /** The gradient of that c. */
    dc(gates: readonly number[], c: number, dh: number): number
  }
}
