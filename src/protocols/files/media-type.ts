/** What the size limits distinguish. */
export type MediaClass = 'image' | 'audio' | 'video' | 'document' | 'other'

/** How much of a file is looked at. Bytes. */
export const HEAD_LENGTH = 4096

/** Bytes at an offset, as hexadecimal digits; `.` is any digit. */
type Mark = readonly [offset: number, hex: string]

const ascii = (text: string): string => Buffer.from(text, 'latin1').toString('hex')
const FTYP = ascii('ftyp')
const ZIP = '504b0304'

/** The first row all of whose marks are there says the type. */
const TYPES: ReadonlyArray<readonly [type: string, ...marks: Mark[]]> = [
  ['image/png', [0, '89504e470d0a1a0a']],
  ['image/jpeg', [0, 'ffd8ff']],
  ['image/gif', [0, ascii('GIF87a')]],
  ['image/gif', [0, ascii('GIF89a')]],
  ['image/webp', [0, ascii('RIFF')], [8, ascii('WEBP')]],
  ['image/bmp', [0, ascii('BM')], [6, '00000000']],
  ['image/tiff', [0, '49492a00']],
  ['image/tiff', [0, '4d4d002a']],
  ['image/x-icon', [0, '00000100'], [9, '00']],
  ['image/vnd.adobe.photoshop', [0, ascii('8BPS')]],
  ['image/jxl', [0, 'ff0a']],
  ['image/jxl', [0, '0000000c4a584c20']],
  ['image/avif', [4, FTYP], [8, ascii('avi')]],
  ['image/heic', [4, FTYP], [8, ascii('hei')]],
  ['image/heic', [4, FTYP], [8, ascii('mif1')]],
  ['audio/wav', [0, ascii('RIFF')], [8, ascii('WAVE')]],
  ['audio/mpeg', [0, ascii('ID3')]],
  ['audio/mpeg', [0, 'fffb']],
  ['audio/mpeg', [0, 'fff3']],
  ['audio/mpeg', [0, 'fff2']],
  ['audio/aac', [0, 'fff1']],
  ['audio/aac', [0, 'fff9']],
  ['audio/flac', [0, ascii('fLaC')]],
  ['audio/midi', [0, ascii('MThd')]],
  ['audio/aiff', [0, ascii('FORM')], [8, ascii('AIF')]],
  ['audio/amr', [0, ascii('#!AMR')]],
  ['audio/mp4', [4, FTYP], [8, ascii('M4A')]],
  ['audio/ogg', [0, ascii('OggS')], [28, ascii('OpusHead')]],
  ['audio/ogg', [0, ascii('OggS')], [28, `01${ascii('vorbis')}`]],
  ['audio/ogg', [0, ascii('OggS')], [28, `7f${ascii('FLAC')}`]],
  ['video/ogg', [0, ascii('OggS')], [28, `80${ascii('theora')}`]],
  ['video/quicktime', [4, FTYP], [8, ascii('qt')]],
  ['video/mp4', [4, FTYP]],
  ['video/webm', [0, '1a45dfa3']], // Matroska as well
  ['video/x-msvideo', [0, ascii('RIFF')], [8, ascii('AVI ')]],
  ['video/x-flv', [0, ascii('FLV')]],
  ['video/x-ms-asf', [0, '3026b2758e66cf11']],
  ['video/mpeg', [0, '000001b']],
  ['video/mp2t', [0, '47'], [188, '47'], [376, '47']],
  ['application/pdf', [0, ascii('%PDF-')]],
  ['application/rtf', [0, ascii('{\\rtf')]],
  ['application/postscript', [0, ascii('%!PS')]],
  ['application/x-ole-storage', [0, 'd0cf11e0a1b11ae1']], // the older Office
  ['application/epub+zip', [0, ZIP], [30, ascii('mimetypeapplication/epub+zip')]],
  ['application/vnd.oasis.opendocument', [0, ZIP], [30, ascii('mimetypeapplication/vnd.oasis.opendocument')]],
  ['application/vnd.openxmlformats-officedocument', [0, ZIP], [30, ascii('[Content_Types].xml')]],
  ['application/vnd.openxmlformats-officedocument', [0, ZIP], [30, ascii('_rels/.rels')]],
  ['application/zip', [0, ZIP]],
  ['application/zip', [0, '504b0506']],
  ['application/gzip', [0, '1f8b']],
  ['application/x-bzip2', [0, ascii('BZh')]],
  ['application/x-xz', [0, 'fd377a585a00']],
  ['application/zstd', [0, '28b52ffd']],
  ['application/x-7z-compressed', [0, '377abcaf271c']],
  ['application/vnd.rar', [0, '526172211a07']],
  ['application/x-executable', [0, '7f454c46']],
  ['application/vnd.microsoft.portable-executable', [0, ascii('MZ')]],
  ['application/x-mach-binary', [0, 'cffaedfe']],
  ['application/wasm', [0, '0061736d']],
  ['application/vnd.sqlite3', [0, `${ascii('SQLite format 3')}00`]]
]

const DOCUMENTS =
  /^(text\/|application\/(pdf|rtf|postscript|x-ole-storage|epub\+zip|vnd\.oasis\.opendocument|vnd\.openxmlformats))/

/**
 * The media type of a file by its first bytes (HEAD_LENGTH are enough), never by its name. Text is what is valid UTF-8 without
 * control characters. A table and a few comparisons, on purpose: a parser of containers is one that a peer can send loops to.
 */
export function mediaTypeOf(head: Uint8Array): string {
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 512)).toString('hex')
  const found = TYPES.find(([, ...marks]) => marks.every(([offset, hex]) => start.startsWith(hex, 2 * offset)))
  if (found !== undefined) return found[0]
  return isText(head.subarray(0, HEAD_LENGTH)) ? 'text/plain' : 'application/octet-stream'
}

export function classOf(mediaType: string): MediaClass {
  const major = mediaType.slice(0, mediaType.indexOf('/'))
  if (major === 'image' || major === 'audio' || major === 'video') return major
  return DOCUMENTS.test(mediaType) ? 'document' : 'other'
}

function isText(head: Uint8Array): boolean {
  if (head.byteLength === 0 || head.some(byte => byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b))
    return false
  try {
    // the end may be in the middle of a character
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    return true
  } catch {
    return false
  }
}
