import { readFileSync } from 'node:fs'

const file = 'node_modules/page-typescript/lib/pt-br/diagnosticMessages.generated.json'

/** The numbers of messages about code: on its syntax, its types, implicit types, and newer ones on both. The others are about options and files. */
const aboutCode = (number: number): boolean =>
  (number >= 1000 && number < 3000) || (number >= 7000 && number < 8000) || (number >= 17_000 && number < 19_000)

/** TypeScript's own messages about code in Portuguese, by their keys, which end with their numbers. */
export const portugueseMessages = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>).filter(([key]) =>
      aboutCode(Number(/\d+$/.exec(key))),
    ),
  )
