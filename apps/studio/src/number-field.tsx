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

/** A number in a form, as text until the form is sent: a browser's own field for numbers drops the commas of other languages. */
export function NumberField({ label, text, range: { whole }, disabled = false, set }: NumberFieldOptions) {
  return (
    <label>
      {label}
      <input
        inputMode={whole ? 'numeric' : 'decimal'}
        value={text}
        required
        disabled={disabled}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    </label>
  )
}

/** Whole numbers with separators of thousands, as the page itself writes them. */
const THOUSANDS = /^\d{1,3}([.,])\d{3}(\1\d{3})*$/

/** The number that a text is, with a decimal point or comma; undefined if it is none, or out of range. */
export function numberOf(text: string, { least, most, whole }: NumberRange): number | undefined {
  const typed = text.trim()
  const value = Number(whole && THOUSANDS.test(typed) ? typed.replace(/[.,]/g, '') : typed.replace(',', '.'))
  const fits = typed !== '' && value >= least && value <= most
  return fits && (!whole || Number.isInteger(value)) ? value : undefined
}
