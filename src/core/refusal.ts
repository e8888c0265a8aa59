/** Whether the system refused something, such as reading a file without permission or writing to a full disk. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && typeof error.syscall === 'string'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'that is not permitted',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'a file may not be that large',
  EISDIR: 'a folder has that name',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  // Missing folders are made before a file is, so this comes of file systems such as /proc.
  ENOENT: 'no new files can be made there',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file',
  EPERM: 'that is not permitted',
  EROFS: 'the file system is read-only',
}

/** Why the system refused to write something, in words that follow 'because'. */
export const whyNotWritten = ({ code, message }: { code?: string; message: string }): string =>
  (code !== undefined && reasons[code]) || `the system said: ${message}`
