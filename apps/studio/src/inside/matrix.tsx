import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { number } from '../language'
import { isDark, pixelsOf } from './palette'

interface MatrixOptions {
  /** Values in rows, drawn from −scale to scale. */
  values: ArrayLike<number>
  rows: number
  columns: number
  scale?: number
  /** What it shows, for those who do not see it. */
  told: string
  /** What a place is, for the pointer. */
  placeName: (row: number, column: number) => string
  /** The row that is picked. */
  picked?: number
  pick?: (row: number, column: number) => void
}

/** A matrix as a picture, a pixel a value; the pointer tells values, and picks a row. */
export function Matrix({ values, rows, columns, scale = 1, told, placeName, picked, pick }: MatrixOptions) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const hovered = useSignal<string | undefined>(undefined)
  useLayoutEffect(() => {
    const context = canvas.current!.getContext('2d')!
    context.putImageData(new ImageData(pixelsOf(values, scale), columns, rows), 0, 0)
  }, [values, rows, columns, scale, isDark.value])
  const placeOf = (event: MouseEvent): [number, number] => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect()
    const at = (offset: number, size: number, count: number) =>
      Math.min(count - 1, Math.max(0, Math.floor((offset / size) * count)))
    return [at(event.clientY - top, height, rows), at(event.clientX - left, width, columns)]
  }
  return (
    <div class="matrix">
      <div class="matrix-frame">
        <canvas
          ref={canvas}
          width={columns}
          height={rows}
          role="img"
          aria-label={told}
          onPointerMove={(event) => {
            const [row, column] = placeOf(event)
            hovered.value = `${placeName(row, column)}: ${number(values[row * columns + column], 3)}`
          }}
          onPointerLeave={() => {
            hovered.value = undefined
          }}
          onClick={(event) => pick?.(...placeOf(event))}
        />
        {picked !== undefined && (
          <i
            class="picked-row"
            ref={(line) => {
              // Styles are set here because the policy of the page refuses them in the markup.
              if (!line) return
              line.style.top = `${(100 * picked) / rows}%`
              line.style.height = `${100 / rows}%`
            }}
          />
        )}
      </div>
      <p class="matrix-told soft">{hovered.value ?? '\u00a0'}</p>
    </div>
  )
}
