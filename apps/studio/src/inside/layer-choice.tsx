import { Choice } from '../choice'
import { words } from '../language'

/** The choice of a layer, where there are several. */
export function LayerChoice({ of, value, choose }: { of: number; value: number; choose: (layer: number) => void }) {
  if (of === 1) return null
  const among = Array.from({ length: of }, (_, i) => [i, String(i + 1)] as const)
  return <Choice label={words.value.inside.layer} value={value} among={among} choose={choose} />
}
