import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Files by the path under which the compiler in the page finds them. */
export type Files = Record<string, string>

const compiler = 'node_modules/page-typescript/lib'

/** The declarations of the language, as far as `lib.es2023.d.ts` refers to them, without their comments, which are half of them. */
function languageFiles(name = 'es2023', files: Files = {}): Files {
  const at = `/lib/lib.${name}.d.ts`
  if (at in files) return files
  const text = readFileSync(path.join(compiler, `lib.${name}.d.ts`), 'utf8')
  files[at] = text.replaceAll(/\/\*[\s\S]*?\*\/\n?/g, '')
  for (const [, lib] of text.matchAll(/<reference lib="([^"]+)"/g)) languageFiles(lib, files)
  return files
}

/** The built declarations of the library, as far as a file refers to them. */
function libraryFiles(file: string, files: Files = {}): Files {
  const at = `/unrolled/${file}`
  if (at in files) return files
  const text = readFileSync(path.join('dist', file), 'utf8')
  files[at] = text
  for (const [, name] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
    const next = path.posix.join(path.posix.dirname(file), name.replace(/\.js$/, '.d.ts'))
    if (existsSync(path.join('dist', next))) libraryFiles(next, files)
  }
  return files
}

/** All that the compiler in the page must know to check a cell. */
export function declarations(): Files {
  const library = libraryFiles('node/line-plot.d.ts', libraryFiles('index.d.ts'))
  return { ...languageFiles(), ...library }
}
