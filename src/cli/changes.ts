import type { TextChanges } from '../node.js'
import { grouped } from './table.js'

/**
 * One line for people about what loading changed in a text; undefined if it was used whole and unchanged.
 * @param kept tokens of the corpus
 */
export function changesOf({ replaced, lowered, cut }: TextChanges, kept: number): string | undefined {
  const cleaned = [
    replaced > 0 && `${counted(replaced, 'character')} other than A–Z became spaces or were dropped`,
    lowered > 0 && `${counted(lowered, 'capital')} became lower case`,
  ].filter((part) => part !== false)
  const parts = [
    cleaned.length > 0 && `cleaned: ${cleaned.join(', ')}`,
    cut > 0 && `cut: the first ${grouped(kept)} of ${grouped(kept + cut)} tokens`,
  ].filter((part) => part !== false)
  return parts.length > 0 ? parts.join('; ') : undefined
}

const counted = (count: number, name: string): string => `${grouped(count)} ${name}${count === 1 ? '' : 's'}`
