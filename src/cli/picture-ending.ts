import path from 'node:path'
import { OptionError } from '../config.js'

/** @param flag the option that names the picture @throws OptionError for a name that ends in something else than .svg or .png */
export function checkPicture(command: string, flag: string, file: string): void {
  if (['.svg', '.png'].includes(path.extname(file).toLowerCase())) return
  throw new OptionError(`${command}: ${flag} is '${file}', expected a file whose name ends in .svg or .png`)
}
