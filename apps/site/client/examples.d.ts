declare module 'virtual:examples' {
  /** Each example of the guides, which runs when it is imported. */
  export const examples: Readonly<Record<string, () => Promise<unknown>>>
}
