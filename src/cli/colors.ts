import pc from 'picocolors'

type Colors = ReturnType<typeof pc.createColors>

/** Colours on a terminal; plain text elsewhere, and whenever NO_COLOR is set. */
export const colorsOf = (stream: { isTTY?: boolean }): Colors =>
  pc.createColors(stream.isTTY === true && pc.isColorSupported)
