/** Whether the system refused something: a file that may not be read, a full disk. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string'
