import { describe } from 'vitest'
import { storePromises } from '../../test/run-store.js'
import { MemoryStore } from './memory-store.js'

describe('a run in memory', () => {
  storePromises(
    () => new MemoryStore(),
    (store) => store,
  )
})
