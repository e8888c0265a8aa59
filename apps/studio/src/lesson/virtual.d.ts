declare module 'virtual:lesson-cells' {
  const cells: readonly import('../../build/lesson').HighlightedCell[]
  export default cells
}

declare module 'virtual:lesson-declarations' {
  const files: Readonly<Record<string, string>>
  export default files
}

declare module 'virtual:lesson-portuguese-messages' {
  const messages: Readonly<Record<string, string>>
  export default messages
}
