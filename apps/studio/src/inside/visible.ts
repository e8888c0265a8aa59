/** A token as it can be seen: spaces and line ends are marks. */
export const visible = (token: string): string => token.replaceAll(' ', '␣').replaceAll('\n', '⏎')
