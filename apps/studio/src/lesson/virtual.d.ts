declare module 'virtual:lesson-cells' {
  const cells: readonly (import('../../build/cells').CellSource & {
    tokens: readonly import('../../build/highlight').Token[]
  })[]
  export default cells
}

declare module 'virtual:lesson-declarations' {
  const files: import('../../build/declarations').Files
  export default files
}
