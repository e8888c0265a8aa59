// Recognizes bytes that are not UTF-8 text by their beginning.

interface Signature {
  what: string
  /** The first bytes of files of this kind, one character per byte. */
  begins: string
  /** The offset of these bytes. Default 0. */
  at?: number
  advice?: string
}

const archive = (what: string, unpack: string, begins: string): Signature => ({
  ...{ what, begins, advice: `unpack it first: ${unpack}` },
})

const signatures: Signature[] = [
  archive('a gzip file', 'gunzip FILE', '\x1f\x8b'),
  archive('a zip file (or .docx, .epub, .odt, .xlsx)', 'unzip FILE, or save it as text', 'PK\x03\x04'),
  archive('a bzip2 file', 'bunzip2 FILE', 'BZh'),
  archive('an xz file', 'unxz FILE', '\xfd7zXZ\0'),
  archive('a zstd file', 'unzstd FILE', '\x28\xb5\x2f\xfd'),
  archive('a 7z file', '7z x FILE', '7z\xbc\xaf\x27\x1c'),
  archive('a rar file', 'unrar x FILE', 'Rar!\x1a\x07'),
  { ...archive('a tar file', 'tar -xf FILE', 'ustar'), at: 257 },
  { what: 'a PDF file', begins: '%PDF-', advice: 'extract its text first, for example with pdftotext FILE' },
  { what: 'an old Word or Excel file', begins: '\xd0\xcf\x11\xe0', advice: 'save it as text first' },
  { what: 'a PNG image', begins: '\x89PNG' },
  { what: 'a JPEG image', begins: '\xff\xd8\xff' },
  { what: 'a GIF image', begins: 'GIF8' },
  { what: 'a TIFF image', begins: 'II*\0' },
  { what: 'a TIFF image', begins: 'MM\0*' },
  { what: 'an image or a sound (RIFF)', begins: 'RIFF' },
  { what: 'an MP3 file', begins: 'ID3' },
  { what: 'an Ogg file', begins: 'OggS' },
  { what: 'a FLAC file', begins: 'fLaC' },
  { what: 'an MP4 file', begins: 'ftyp', at: 4 },
  { what: 'an executable (ELF)', begins: '\x7fELF' },
  { what: 'an executable (Windows)', begins: 'MZ' },
  { what: 'an executable (macOS)', begins: '\xcf\xfa\xed\xfe' },
  { what: 'an executable (macOS) or a Java class', begins: '\xca\xfe\xba\xbe' },
  { what: 'a WebAssembly file', begins: '\0asm' },
  { what: 'an SQLite database', begins: 'SQLite format 3\0' },
  { what: 'a Parquet file', begins: 'PAR1' },
  { what: 'an HDF5 file', begins: '\x89HDF' },
  { what: 'a NumPy file', begins: '\x93NUMPY' },
  ...['\xff\xfe\0\0', '\0\0\xfe\xff'].map((begins) => ({
    ...{ what: 'UTF-32 text', begins, advice: 'convert it first: iconv -f utf-32 -t utf-8 FILE' },
  })),
]

/** Bytes that do not occur in text in UTF-8, or in an encoding with one byte per character. */
const CONTROL = /[^\P{Cc}\t\n\v\f\r\x80-\x9f]/u

/** The kind of a binary file that is known by its first bytes; undefined for any other file. */
export function kindOfBinary(head: Buffer): { what: string; advice: string } | undefined {
  const bytes = head.toString('latin1')
  const found = signatures.find(({ begins, at = 0 }) => bytes.startsWith(begins, at))
  if (!found) return undefined
  const { what, begins, advice = 'leave it out' } = found
  // A text may begin with such letters, too.
  return /^[A-Za-z0-9]+$/.test(begins) && !CONTROL.test(bytes) ? undefined : { what, advice }
}

/** Which kind of UTF-16 the bytes are, without a byte order mark; undefined if they are not. */
export function unmarkedUtf16(bytes: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  // Half of the bytes are ASCII in an English text, a few more in a Chinese one, and nearly all in other encodings.
  // The digit 0 does not count, because its byte is the first of all Japanese syllables.
  const ascii = bytes.toString('latin1').match(/[ -/1-~]/g)?.length ?? 0
  if (ascii > 0.75 * bytes.length) return undefined
  const [little, big] = (['utf-16le', 'utf-16be'] as const).map((encoding) => ({
    encoding,
    commonness: commonness(bytes, encoding),
  }))
  const likelier = big.commonness > little.commonness ? big : little
  return likelier.commonness > 0 ? likelier.encoding : undefined
}

/**
 * How many characters of a UTF-16 text are among those that every text has: ASCII, and punctuation of East Asian
 * languages. In the other byte order none of them is such a character. 0 for bytes that are not text.
 */
function commonness(bytes: Buffer, encoding: string): number {
  try {
    const even = bytes.subarray(0, bytes.length - (bytes.length % 2))
    const text = new TextDecoder(encoding, { fatal: true }).decode(even, { stream: true })
    if (/[^\P{C}\t\n\f\r\p{Cf}]/u.test(text)) return 0
    return text.match(/[\t\n\r -~\u3000-\u3002\uff01-\uff1f]/g)?.length ?? 0
  } catch {
    return 0
  }
}

/**
 * Whether bytes may be windows-1252 text in a Western language: few letters are beyond ASCII, and no byte becomes a
 * control character.
 */
export function looksWestern(bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  if (/[\x81\x8d\x8f\x90\x9d]/.test(text) || CONTROL.test(text)) return false
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0
  return count(/[\xc0-\xff]/g) <= count(/[A-Za-z]/g) / 2
}

/**
 * The Cyrillic encoding in which nearly all letters of a text are lower case; undefined if it does not look Cyrillic.
 * The lower-case letters of each encoding are the capitals of the other.
 */
export function likelyCyrillic(bytes: Buffer): 'windows-1251' | 'koi8-r' | undefined {
  const text = bytes.toString('latin1')
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0
  const most = 0.8 * count(/[\x80-\xff]/g)
  if (count(/[\xe0-\xff]/g) > most) return 'windows-1251'
  return count(/[\xc0-\xdf]/g) > most ? 'koi8-r' : undefined
}
