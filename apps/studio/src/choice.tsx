/** A choice among words, with its label. */
export function Choice<T extends string | number>({
  label,
  value,
  among,
  choose,
  disabled = false,
}: {
  label: string
  value: T
  among: readonly (readonly [value: T, shown: string])[]
  choose: (value: T) => void
  disabled?: boolean
}) {
  return (
    <label>
      {label}
      <select
        value={value}
        disabled={disabled}
        onChange={({ currentTarget }) => choose(among[currentTarget.selectedIndex][0])}
      >
        {among.map(([key, shown]) => (
          <option key={key} value={key}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  )
}
