import path from 'node:path'
import { DataError } from '../core/errors.js'
import { zipModel } from '../formats/zip.js'
import { loadModel } from '../node/model-folder.js'
import { withFile } from '../node/open-file.js'
import { HISTORY } from '../run/store.js'

/** What a request is answered with. */
export interface Answer {
  /** The type of its content. */
  type: string
  make(): Promise<string | Uint8Array>
}

/**
 * The answers about trainings of this machine, by the path of the request: their names, and for each its events so far and
 * its model.
 * @throws DataError for a folder without a training
 */
export async function machineRuns(folders: readonly string[]): Promise<ReadonlyMap<string, Answer>> {
  const history = async (folder: string): Promise<Uint8Array> => {
    const file = path.join(folder, HISTORY)
    const bytes = await withFile(file, ({ size, read }) => read(0, size))
    if (bytes) return bytes
    throw new DataError(`${file}: there is no such file, expected the folder of a training`)
  }
  for (const folder of folders) await history(folder)
  const names = folders.map((folder) => path.basename(path.resolve(folder)))
  const answers = new Map<string, Answer>()
  answers.set('/machine/runs.json', { type: 'application/json', make: async () => JSON.stringify(names) })
  folders.forEach((folder, i) => {
    answers.set(`/machine/${i}/history.jsonl`, { type: 'text/plain; charset=utf-8', make: () => history(folder) })
    answers.set(`/machine/${i}/model.zip`, {
      type: 'application/zip',
      async make() {
        const { model, vocab, config } = await loadModel(folder)
        return zipModel(model, vocab, config.training)
      },
    })
  })
  return answers
}
