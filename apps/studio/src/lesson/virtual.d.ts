declare module 'virtual:lesson-cells' {
  const cells: readonly import('../../build/lesson').HighlightedCell[]
  export default cells
}

declare module 'virtual:lesson-declarations' {
  const files: Readonly<Record<string, string>>
  export default files
}
