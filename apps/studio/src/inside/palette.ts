type Colour = readonly [number, number, number]

// Orange for negative values and teal for positive ones: people with colour blindness tell them apart, too.
const palettes: Record<'light' | 'dark', { zero: Colour; positive: Colour; negative: Colour }> = {
  light: { zero: [250, 249, 246], positive: [11, 110, 110], negative: [168, 76, 6] },
  dark: { zero: [27, 31, 37], positive: [95, 220, 208], negative: [247, 168, 96] },
}

const dark = matchMedia('(prefers-color-scheme: dark)')

/** The colour of a value from −1 to 1; larger ones count as 1. */
export function colourOf(value: number): Colour {
  const { zero, positive, negative } = palettes[dark.matches ? 'dark' : 'light']
  const end = value < 0 ? negative : positive
  const share = Math.min(1, Math.abs(value))
  return [0, 1, 2].map((i) => Math.round(zero[i] + share * (end[i] - zero[i]))) as unknown as Colour
}

export const cssOf = (value: number): string => `rgb(${colourOf(value).join(' ')})`

/** Calls a function when the page becomes light or dark; returns what ends that. */
export function onTheme(change: () => void): () => void {
  dark.addEventListener('change', change)
  return () => dark.removeEventListener('change', change)
}
