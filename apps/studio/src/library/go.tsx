import { addressOf, type View } from '../route'

/** Goes to a view, once something that it shows was done. */
export function Go({ to, text, first }: { to: View; text: string; first?: () => Promise<boolean> }) {
  return (
    <a
      class="button"
      href={addressOf(to)}
      onClick={async (event) => {
        if (!first) return
        event.preventDefault()
        // What goes wrong is said in the view that the user sees.
        if (await first()) location.hash = addressOf(to)
      }}
    >
      {text}
    </a>
  )
}
