import pc from 'picocolors'

type Colors = ReturnType<typeof pc.createColors>

/** Colours on a terminal, plain text elsewhere, and wherever NO_COLOR asks for it. */
export const colorsOf = (stream: { isTTY?: boolean }): Colors =>
  pc.createColors(stream.isTTY === true && pc.isColorSupported)
