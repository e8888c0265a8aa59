import { toJson } from '../config.js'

/** Whether the cursor can be moved on a stream, which neither a file nor a dumb terminal allows. */
export const movesCursor = (stream: { isTTY?: boolean }): boolean =>
  stream.isTTY === true && process.env.TERM !== 'dumb'

/** A text with its control characters made visible, except line ends and tabs: ESC as ^[, U+009B as \u009b. */
export const visible = (text: string): string =>
  text.replace(/[^\P{Cc}\n\t]/gu, (control) => {
    const code = control.charCodeAt(0)
    return code < 0x80 ? `^${String.fromCharCode(code ^ 0x40)}` : escaped(control)
  })

/** A text in quotes, as in JSON, with every control character escaped. */
export const quoted = (text: string): string => JSON.stringify(text).replace(/\p{Cc}/gu, escaped)

const escaped = (control: string): string => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Prints a line for people; names of files and texts in it cannot control the terminal. */
export const print = (line: string): void => console.log(visible(line))

/** Prints one JSON object, leaving out unknown values and numbers that JSON cannot hold. */
export const printJson = (value: object): void => console.log(toJson(value))
