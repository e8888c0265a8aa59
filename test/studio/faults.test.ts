import { expect, test } from 'vitest'
import { describeStudio, shells } from './studio.js'

describeStudio('what goes wrong in the studio is said in both languages:', (studio) => {
  const small = 'hiddenSize=16&batchSize=8&numSteps=20'
  const endless = `${small}&epochs=100000`

  /** Sets how much the page may keep; without a number, as much as before. */
  const allow = async (quotaSize?: number) => {
    const { tab, url } = studio
    const session = await tab.context().newCDPSession(tab)
    await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(url).origin, quotaSize })
  }
  const learnedSomething = () => expect.poll(() => studio.figure('perplexity')).toBeLessThan(10)
  const named = { exact: true } as const

  test('no WebGPU', async () => {
    await studio.train(shells, `device=webgpu&${small}`)
    await studio.says('noWebGpu')
  })

  test('a browser that keeps no files', async () => {
    const { tab } = studio
    await tab.addInitScript(() => {
      StorageManager.prototype.getDirectory = () => Promise.reject(new DOMException('denied', 'SecurityError'))
    })
    await studio.open('train')
    await studio.says('noFiles')
    await studio.open('library')
    await studio.says('noFiles')
  })

  test('no room for a new training, of which nothing stays', async () => {
    await studio.open('train')
    await allow(1)
    await studio.train(shells, small)
    await studio.says('noRoom')
    await allow()
    await studio.open('library')
    await studio.tab.getByText('None yet.', named).waitFor()
  })

  test('no room for what a training learns: it pauses, loses nothing, and goes on when there is room', async () => {
    const { tab, button } = studio
    await studio.train(shells, endless)
    await learnedSomething()
    await allow(1)
    await studio.says('noRoomPaused')
    await button('Go on').waitFor()
    const steps = async () => {
      const told = await tab.locator('[role=img]').getAttribute('aria-label')
      return Number(/over ([\d,]+) steps/.exec(told ?? '')?.[1].replaceAll(',', ''))
    }
    const before = await steps()
    expect(before).toBeGreaterThan(0)
    await allow()
    await button('Go on').click()
    await expect.poll(steps).toBeGreaterThan(before)
    await button('Stop').click()
    await tab.getByText('Stopped. The model is kept in this browser.').waitFor()
    expect((await studio.saved('shells, lstm 16')).length).toBeGreaterThan(1000)
  })

  test('two tabs with the same training', async () => {
    const { tab, button } = studio
    await studio.train(shells, endless)
    await learnedSomething()
    const other = await tab.context().newPage()
    await other.goto(`${studio.url}#/train`)
    await other.getByRole('button', { name: 'Go on with shells, lstm 16' }).click()
    await studio.says('inUse', 'shells, lstm 16', other)
    await other.getByText('The training goes on in another tab.').waitFor()
    await other.getByRole('link', { name: 'Library', ...named }).click()
    other.on('dialog', (dialog) => dialog.accept())
    await other.getByRole('button', { name: 'Remove' }).click()
    await studio.says('inUse', 'shells, lstm 16', other)
    await other.close()
    await button('Stop').click()
    await tab.getByText('Stopped. The model is kept in this browser.').waitFor()
  })

  test('a worker that dies: the training goes on from its last checkpoint', async () => {
    const { tab, button } = studio
    await studio.train(shells, endless)
    await learnedSomething()
    const worker = tab.workers().find((worker) => worker.url().includes('trainer-worker'))!
    await worker.evaluate('close()').catch(() => undefined)
    await studio.says('workerEnded')
    await button('Go on').click()
    await button('Stop').click()
    await tab.getByText('Stopped. The model is kept in this browser.').waitFor()
  })

  test.each([
    ['a loss that explodes', 'adam', 100],
    ['a loss that is not finite', 'sgd', 100],
  ])('%s: a smaller rate is offered, and helps', async (_, optimizer, lr) => {
    const { tab, button } = studio
    await studio.train(shells, `${small}&epochs=3&optimizer=${optimizer}&lr=${lr}`)
    await studio.says('exploded')
    await button(/^Train again with rate/).click()
    await tab.getByText('Done. The model is kept in this browser.').waitFor()
    expect(await tab.getByRole('alert').count()).toBe(0)
  })

  test('files that are no texts, no models, or lack a part', async () => {
    await studio.open('train')
    await studio.drop('broken.txt', new Uint8Array([0xff, 0xc0, 0x00, 0x80]))
    await studio.says('notText', 'broken.txt')
    await studio.drop('empty.txt', ' \n')
    await studio.says('emptyText')
    await studio.drop('broken.safetensors', new Uint8Array(100).fill(7))
    await studio.says('notModel', 'broken.safetensors')
    await studio.drop('broken.zip', 'no zip')
    await studio.says('notModel', 'broken.zip')
    await studio.drop('model.keras', 'PK\u0003\u0004')
    await studio.says('keras', 'model.keras')
    // None of them is taken for a text, and none is kept.
    await studio.tab.getByText('An LSTM reads Moby Dick').waitFor()
    await studio.open('library')
    await studio.tab.getByText('None yet. Choose a file').waitFor()
  })

  test('what went wrong stays said while a training goes on and ends, until something else is asked for', async () => {
    const { tab } = studio
    await studio.train(shells, `${small}&epochs=200`)
    await tab.locator('nav').getByRole('link', { name: 'Library' }).click()
    await studio.drop('broken.zip', 'no zip')
    await studio.says('notModel', 'broken.zip')
    await tab.getByRole('link', { name: / more epochs$/ }).waitFor()
    await studio.says('notModel', 'broken.zip')
    await tab.locator('nav').getByRole('link', { name: 'Train', exact: true }).click()
    await tab.getByText('Done. The model is kept').waitFor()
    expect(await tab.getByRole('alert').count()).toBe(0)
  })

  test('texts of which cleaning leaves nothing, or that are too short', async () => {
    await studio.train('1234567890 '.repeat(500), small, { clean: true })
    await studio.says('emptyText')
    // Too short for a batch, for the held-out part, and for anything.
    for (const text of ['she sells sea shells', 'she sells s', 's']) {
      await studio.train(text, small)
      await studio.says('shortText')
    }
    // What was wrong with a text is not said of the next.
    await studio.drop('next.txt', shells)
    await studio.tab.getByText('An LSTM reads next').waitFor()
    expect(await studio.tab.getByRole('alert').count()).toBe(0)
    await studio.open('library')
    await studio.tab.getByText('None yet.', named).waitFor()
  })
})
