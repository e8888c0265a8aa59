import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Response } from 'playwright'
import { expect, test } from 'vitest'
import { cellsOf } from '../../apps/studio/build/cells.js'
import { describeStudio } from './studio.js'

const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8')

/** The examples’ cells, as the page must have them. */
const programs = ['rnn-concise', 'rnn-model', 'rnn-scratch', 'overfit', 'layers', 'sine']
const cells = programs.flatMap((program) => cellsOf(program, readFileSync(`examples/${program}.ts`, 'utf8')))
const codeOf = (name: string) => cells.find((cell) => cell.name === name)!.code

/** Edits that make trainings short. */
const short = {
  train: codeOf('train').replace('[50, 1]', '[2, 1]'),
  'scratch-parameters': codeOf('scratch-parameters').replace('[20, 1, 256]', '[1, 1, 16]'),
  'overfit-train': codeOf('overfit-train').replace('= 300', '= 2').replace('256', '16'),
  layers: codeOf('layers').replace('= 20', '= 1').replace('256', '16'),
  'sine-train': codeOf('sine-train').replace('= 40', '= 1'),
}

describeStudio('the lesson', (studio) => {
  const cell = (n: number) => studio.tab.getByRole('group', { name: new RegExp(`^(Cell|Célula) ${n}$`) })
  const run = (n: number) =>
    cell(n)
      .getByRole('button', { name: /^(Run|Rodar)/ })
      .click()
  const outputs = (n: number) => cell(n).locator('.outputs')

  /** Opens the lesson as a reader who has edited cells before. */
  async function openEdited(edits: Record<string, string>): Promise<void> {
    await studio.open('lesson')
    await studio.tab.evaluate((kept) => localStorage.setItem('unrolled lesson', kept), JSON.stringify(edits))
    await studio.tab.reload()
  }

  /** Types a cell's code anew, in its editor. */
  async function write(n: number, code: string): Promise<void> {
    await cell(n).getByRole('textbox').click()
    await cell(n).locator('.cm-editor').waitFor()
    await studio.tab.keyboard.press('Control+A')
    await studio.tab.keyboard.press('Backspace')
    await studio.tab.keyboard.type(code)
  }

  test('is the first view, shows the examples’ code, and loads neither editor nor compiler before they are needed', async () => {
    const { tab, url } = studio
    const responses: Response[] = []
    tab.on('response', (response) => responses.push(response))
    await tab.goto(url)
    await tab.getByRole('heading', { level: 1 }).waitFor()
    await tab.waitForLoadState('networkidle')
    const bodies = await Promise.all(responses.map((response) => response.body()))
    expect(bodies.reduce((sum, body) => sum + gzipSync(body).length, 0)).toBeLessThan(300_000)
    const shown = await tab.locator('.cell .code').allTextContents()
    expect(shown.toSorted()).toEqual(cells.map(({ code }) => code).toSorted())
    await cell(2).getByRole('textbox').focus()
    await cell(2).locator('.cm-editor').waitFor()
    await expect.poll(() => tab.workers().some((worker) => worker.url().includes('compiler-worker'))).toBe(true)
  })

  test('runs from the top to the bottom in both languages, and axe finds nothing', async () => {
    const { tab, button } = studio
    await openEdited(short)
    const check = async () => {
      await expect.poll(() => tab.locator('[data-state=done]').count(), { timeout: 600_000 }).toBe(cells.length)
      const all = await tab.locator('.outputs').allInnerTexts()
      expect(all[2]).toContain('state.shape [1, 32, 256]')
      expect(all[3]).toContain('Y.shape [35, 32, 256] newState.shape [1, 32, 256]')
      expect(Number(/largest difference (\S+)/.exec(all[5])?.[1])).toBeLessThan(1e-5)
      expect(all[7]).toMatch(/epoch 2 of 2: perplexity/)
      expect(all[8]).toMatch(/^time traveller/)
      expect(all[14]).toMatch(
        /from scratch: perplexity [\d.]+, \d+ tokens\/s\nwith the layer: perplexity [\d.]+, \d+ tokens\/s/,
      )
      expect(await tab.locator('.chart canvas').count()).toBe(5)
      await tab.evaluate(axe)
      expect(
        await tab.evaluate(
          `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
        ),
      ).toEqual([])
    }
    await button('Run all').click()
    await check()
    await tab.locator('header select').selectOption('pt-BR')
    await tab.getByRole('heading', { name: 'Uma rede recorrente em poucas linhas' }).waitFor()
    await button('Recomeçar').click()
    expect(await tab.locator('.outputs:not(:empty)').count()).toBe(0)
    await button('Rodar tudo').click()
    await check()
    expect(await tab.locator('.chart figcaption').allTextContents()).toEqual([
      'Treinamento perplexidade por época',
      'O mesmo modelo, duas vezes perplexidade por época',
      'Sobreajuste de propósito perplexidade por época',
      'Camadas perplexidade por época',
      'Seno com ruído, treinado nos primeiros 600 x por t',
    ])
    const legends = await tab.locator('.chart .u-legend').allTextContents()
    for (const label of ['do zero', 'com a camada', 'validação', '1, uniforme', 'série', '64 à frente']) {
      expect(legends.join()).toContain(label)
    }
  })

  test('names are completed, the platform’s own known; type errors are told; edits stay after a reload, until the original is taken back', async () => {
    const { tab } = studio
    const [{ name: first, code }] = cells
    const lines = [
      'await new Promise((r) => setTimeout(r, 50))',
      "console.table([{ a: 1, b: 'x' }])",
      'console.log(navigator.hardwareConcurrency > 0, location.protocol)',
      'const other: string = 1',
    ]
    await openEdited({ [first]: [...lines, code].join('\n') })
    await cell(1).getByRole('textbox').focus()
    await cell(1).getByText("Line 4: Type 'number' is not assignable to type 'string'.").waitFor()
    expect(
      await cell(1)
        .getByText(/^Line /)
        .count(),
    ).toBe(1)
    await write(2, 'const rnnLayer = new RNN({ inputSize: vocab.size, hiddenSize: 8 }); rnnLayer.bidir')
    await tab.locator('.cm-tooltip-autocomplete').getByText('bidirectional').waitFor()
    // Within 75 milliseconds of the list's appearing, the editor takes Enter for a new line.
    await tab.waitForTimeout(150)
    await tab.keyboard.press('Enter')
    await expect.poll(() => cell(2).getByRole('textbox').textContent()).toContain('rnnLayer.bidirectional')
    await tab.keyboard.type('; const wrong: string = rnnLayer.hiddenSize')
    const problem = cell(2).getByText("Line 1: Type 'number' is not assignable to type 'string'.")
    await problem.waitFor()
    await tab.locator('header select').selectOption('pt-BR')
    await cell(2).getByText("Linha 1: O tipo 'number' não pode ser atribuído ao tipo 'string'.").waitFor()
    await tab.locator('header select').selectOption('en')
    await problem.waitFor()
    await cell(2).getByRole('textbox').focus()
    // A type error is no reason not to run.
    await tab.keyboard.press('Control+Enter')
    await cell(2).getByText('Done.').waitFor()
    expect(await cell(1).getAttribute('data-state')).toBe('done')
    await outputs(1)
      .getByText(/a {2}b\n0 {2}1 {2}x/)
      .waitFor()
    await tab.reload()
    expect(await cell(2).getByRole('textbox').textContent()).toContain('rnnLayer.bidirectional; const wrong')
    await cell(2).getByRole('textbox').focus()
    await problem.waitFor()
    await cell(2).getByRole('button', { name: 'Original code' }).click()
    await problem.waitFor({ state: 'detached' })
    await tab.reload()
    expect(await cell(2).getByRole('textbox').textContent()).toBe(codeOf('layer'))
  })

  test('what is typed while the editor is loaded is not lost', async () => {
    const { tab } = studio
    let load = () => {}
    const wanted = new Promise<void>((resolve) => {
      load = resolve
    })
    await tab.route('**/editor-*.js', async (route) => {
      await wanted
      await route.continue()
    })
    await studio.open('lesson')
    const box = cell(2).getByRole('textbox')
    await box.click()
    await tab.keyboard.press('Control+A')
    await tab.keyboard.type('const size = 3')
    await tab.keyboard.press('Enter')
    await tab.keyboard.type('console.log(size + 4)x')
    await tab.keyboard.press('Backspace')
    await tab.keyboard.press('ArrowLeft')
    await tab.keyboard.press('Control+Enter')
    load()
    await cell(2).locator('.cm-editor').waitFor()
    await tab.keyboard.type('0')
    await expect
      .poll(() => box.locator('.cm-line').allTextContents())
      .toEqual(['const size = 3', 'console.log(size + 40)'])
  })

  test('a cell that throws says what, and in which line; cells after it do not run', async () => {
    await openEdited({
      state: 'const size: number = -1\nconsole.warn(rnnLayer.beginState(size))',
      layer: 'const rnnLayer = new',
    })
    await run(4)
    await cell(2).getByText('SyntaxError').waitFor()
    expect(await cell(3).getAttribute('data-state')).toBe('fresh')
    await cell(2).getByRole('button', { name: 'Original code' }).click()
    await run(4)
    const alert = cell(3).getByRole('alert')
    await alert.getByText('Line 2: console.warn(rnnLayer.beginState(size))').waitFor()
    expect(await alert.textContent()).toContain('RNN.beginState: batchSize is -1')
    expect(await cell(4).getAttribute('data-state')).toBe('fresh')
    await write(3, "await fetch('/')")
    await run(3)
    await cell(3).getByText('TypeError: fetch is not a function').waitFor()
  })

  test('what a cell does not wait for is told in it', async () => {
    const [first] = cells.map(({ name }) => name)
    const fails = (code: string) => openEdited({ [first]: code }).then(() => run(1))
    await fails("async function f() { throw new Error('forgotten') }\nf()\nconsole.log('end')")
    await cell(1).getByRole('alert').getByText('Error: forgotten').waitFor()
    await cell(1).getByText('Failed.').waitFor()
    expect(await outputs(1).textContent()).toContain('end')
    await fails("const later = setTimeout(() => {\n  throw new Error('late')\n}, 300)")
    await cell(1).getByRole('alert').getByText('Error: late').waitFor()
    await cell(1).getByText("Line 2: throw new Error('late')").waitFor()
  })

  test('a training that is stopped leaves its model; a cell that does not stop loses all variables', async () => {
    const { tab, button } = studio
    await openEdited({
      train: codeOf('train').replace('[50, 1]', '[100_000, 1]'),
      write: 'await new Promise(() => {})',
    })
    await run(8)
    await expect.poll(() => cell(8).getAttribute('data-state'), { timeout: 120_000 }).toBe('running')
    await tab.waitForTimeout(500)
    await cell(8).getByRole('button', { name: 'Stop cell 8' }).click()
    await cell(8).getByText('Stopped.').waitFor()
    await cell(9).getByRole('button', { name: 'Original code' }).click()
    await run(9)
    await outputs(9)
      .getByText(/^time traveller/)
      .waitFor()

    for (const [code, lost] of [
      ['for (;;) {}', false],
      ['await new Promise(() => {})', true],
    ] as const) {
      await write(9, code)
      await run(9)
      await cell(9).getByText('Running…').waitFor()
      await tab.waitForTimeout(200)
      await button('Stop').first().click()
      await cell(9).getByText('Stopped.').waitFor()
      expect(await tab.getByText('all variables are gone').count()).toBe(lost ? 1 : 0)
      expect(await cell(1).getAttribute('data-state')).toBe(lost ? 'fresh' : 'done')
    }
    await run(1)
    await cell(1).getByText('Done.').waitFor()
  })
})
