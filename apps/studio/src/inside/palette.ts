import { signal } from '@preact/signals'

type Colour = readonly [number, number, number]

// Orange for negative values and teal for positive ones: people with colour blindness tell them apart, too.
const palettes: Record<'light' | 'dark', { zero: Colour; positive: Colour; negative: Colour }> = {
  light: { zero: [250, 249, 246], positive: [11, 110, 110], negative: [168, 76, 6] },
  dark: { zero: [27, 31, 37], positive: [95, 220, 208], negative: [247, 168, 96] },
}

const dark = matchMedia('(prefers-color-scheme: dark)')

/** Whether the page is dark. What is drawn in its colours is drawn again when that changes. */
export const isDark = signal(dark.matches)
dark.addEventListener('change', () => {
  isDark.value = dark.matches
})

/** The colour of a value from −1 to 1; larger ones count as 1. */
function colourOf(value: number): Colour {
  const { zero, positive, negative } = palettes[isDark.value ? 'dark' : 'light']
  const end = value < 0 ? negative : positive
  const share = Math.min(1, Math.abs(value))
  return [0, 1, 2].map((i) => Math.round(zero[i] + share * (end[i] - zero[i]))) as unknown as Colour
}

/** Colours on either side of zero in a picture. */
const SHADES = 256

/**
 * Values as the pixels of a picture, opaque. A large matrix has a million of them, so that their colours are looked up.
 * @param scale the size of a value of full colour
 */
export function pixelsOf(values: ArrayLike<number>, scale: number): Uint8ClampedArray<ArrayBuffer> {
  const shades = new Uint32Array(2 * SHADES + 1)
  const bytes = new Uint8Array(shades.buffer)
  for (let i = 0; i < shades.length; i++) bytes.set([...colourOf(i / SHADES - 1), 255], 4 * i)
  const pixels = new Uint32Array(values.length)
  for (let i = 0; i < pixels.length; i++) {
    const share = Math.max(-1, Math.min(1, values[i] / scale))
    pixels[i] = shades[Math.round((share + 1) * SHADES)]
  }
  return new Uint8ClampedArray(pixels.buffer)
}

export const cssOf = (value: number): string => `rgb(${colourOf(value).join(' ')})`
