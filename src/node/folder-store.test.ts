import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { storePromises } from '../../test/run-store.js'
import { FolderStore } from './folder-store.js'

let folder: string
let number = 0
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'unrolled-store-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a run in a folder', () => {
  storePromises(
    () => new FolderStore(path.join(folder, String(number++))),
    (store) => new FolderStore(store.name),
  )
})
