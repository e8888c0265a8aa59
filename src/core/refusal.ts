/** Whether the system refused something, such as reading a file without permission or writing to a full disk. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && typeof error.syscall === 'string'
