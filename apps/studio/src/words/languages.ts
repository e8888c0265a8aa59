import { english } from './english'
import { portuguese } from './portuguese'

/** The languages of the studio and of what is around the documentation. */
export const languages = { en: english, 'pt-BR': portuguese } as const
export type Language = keyof typeof languages
