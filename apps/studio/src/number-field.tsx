/** The values that a number may have. */
export interface NumberRange {
  least: number
  most: number
  whole: boolean
}

interface NumberFieldOptions {
  label: string
  text: string
  range: NumberRange
  disabled?: boolean
  set: (text: string) => void
}

/** A number in a form, as text until the form is sent. */
export function NumberField({ label, text, range: { least, most, whole }, disabled = false, set }: NumberFieldOptions) {
  return (
    <label>
      {label}
      <input
        type="number"
        value={text}
        min={least}
        max={most}
        step={whole ? 1 : 'any'}
        required
        disabled={disabled}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    </label>
  )
}

/** The number that a text is; undefined if it is none, or out of range. */
export function numberOf(text: string, { least, most, whole }: NumberRange): number | undefined {
  const value = Number(text)
  const fits = text.trim() !== '' && value >= least && value <= most
  return fits && (!whole || Number.isInteger(value)) ? value : undefined
}
