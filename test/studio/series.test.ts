import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { unzipSync } from 'fflate'
import { afterAll, expect, test } from 'vitest'
import { BuiltCommand } from '../built-command.js'
import { describeStudio } from './studio.js'

const folder = mkdtempSync(path.join(tmpdir(), 'unrolled-studio-series-'))
const command = new BuiltCommand(folder, { ...process.env, NO_COLOR: '1' })
afterAll(async () => {
  await command.stop()
  rmSync(folder, { recursive: true, force: true })
})

const day = (i: number) => new Date(Date.UTC(2024, 0, 1) + i * 86_400_000).toISOString().slice(0, 10)
const sales = (i: number) => 10 + 3 * (i % 7) + (i % 5)
const wind = (i: number) => i % 5
const csv = (rows: (i: number) => string = (i) => `${day(i)},${sales(i)},${wind(i)},calm`) =>
  `date,sales,wind,weather\n${Array.from({ length: 200 }, (_, i) => rows(i)).join('\n')}\n`

describeStudio('series of numbers in the studio', (studio) => {
  /** Drops a table, and begins with what the form proposes. */
  async function begin(text: string): Promise<void> {
    await studio.drop('sales.csv', text)
    await studio.button('Use this').click()
    await studio.button('Start training').click()
  }

  /** The content of a file that a button saves. */
  async function saved(button: string): Promise<Buffer> {
    const [download] = await Promise.all([studio.tab.waitForEvent('download'), studio.button(button).click()])
    return readFileSync(await download.path())
  }

  test('a table is trained on and forecast; the command reads the saved model, and forecasts the same', async () => {
    const { tab, button } = studio
    await studio.open('lesson')
    await studio.drop('sales.csv', csv())
    const dialog = tab.locator('dialog')
    await dialog.waitFor()
    const targets = dialog.getByRole('group', { name: 'To forecast' })
    expect(await targets.getByRole('checkbox', { checked: true }).count()).toBe(1)
    expect(await targets.getByLabel('weather').count()).toBe(0)
    await dialog.getByRole('group', { name: 'What else it sees' }).getByLabel('wind').check()
    await dialog.getByLabel('Hidden units').fill('8')
    await dialog.getByLabel('Epochs').fill('60')
    await dialog.getByLabel('Values that it reads').fill('14')
    await dialog.getByLabel('Held out as a test').fill('30')
    await button('Use this').click()
    await tab.getByRole('heading', { name: 'A GRU forecasts sales of sales.csv' }).waitFor()
    await button('Start training').click()
    await tab.getByText('Done.').waitFor({ timeout: 120_000 })

    // Four forecasts of seven values lie in the test part; a week ago, the weekly part of the series was the same.
    const row = (name: string) => tab.locator('.errors tr', { hasText: name }).locator('td').first()
    const times = Array.from({ length: 28 }, (_, i) => 170 + i)
    const mae = (guess: (i: number) => number) =>
      times.reduce((sum, i) => sum + Math.abs(sales(i) - guess(i)), 0) / times.length
    const lastKnown = (i: number) => 169 + 7 * Math.floor((i - 170) / 7)
    expect(Number(await row('the last value').textContent())).toBeCloseTo(
      mae((i) => sales(lastKnown(i))),
      3,
    )
    expect(Number(await row('the last season').textContent())).toBeCloseTo(
      mae((i) => sales(i - 7)),
      3,
    )
    expect(Number(await row('this model').textContent())).toBeLessThan(mae((i) => sales(i - 7)))

    // Whole dates at the right end of the chart, and the whole caption, on narrow pages, too.
    const whole = { width: 1280, height: 720 }
    for (let width = 800; width >= 360; width -= 40) {
      await tab.setViewportSize({ ...whole, width })
      for (const language of ['pt-BR', 'en']) {
        await tab.locator('header select').selectOption(language)
        /** Whether something is drawn in the last column of pixels below the curves. */
        const cut = () =>
          tab
            .locator('.u-wrap canvas')
            .last()
            .evaluate((canvas: HTMLCanvasElement) => {
              const { width, height } = canvas
              const { data } = canvas.getContext('2d')!.getImageData(width - 1, 0, 1, height)
              return data.some((value, i) => i % 4 === 3 && value > 0)
            })
        await expect.poll(cut, { message: `a date at ${width} pixels` }).toBe(false)
        const caption = tab.locator('.errors caption')
        const [right, end] = await caption.evaluate((one) => {
          const range = document.createRange()
          range.selectNodeContents(one)
          return [range.getBoundingClientRect().right, one.closest('.scrolls')!.getBoundingClientRect().right]
        })
        expect(right).toBeLessThanOrEqual(end)
      }
    }
    await tab.setViewportSize(whole)

    await tab.getByLabel('Values after the end of the file').fill('10')
    await button('Forecast so many values').click()
    await tab.getByRole('img', { name: / at Jul 28, 2024\.$/ }).waitFor()
    const [header, ...rows] = (await saved('Save the forecast (CSV)')).toString().trim().split('\n')
    expect(header).toBe('date,target,step,forecast,low,high')
    expect(rows.map((row) => row.split(',')[0])).toEqual(Array.from({ length: 10 }, (_, i) => day(200 + i)))

    writeFileSync(path.join(folder, 'sales.csv'), csv())
    mkdirSync(path.join(folder, 'model'))
    for (const [name, bytes] of Object.entries(unzipSync(await saved('Save the model (zip)')))) {
      writeFileSync(path.join(folder, 'model', name), bytes)
    }
    const { status, stderr } = command.run('forecast', 'model', 'sales.csv', '--steps', '10')
    expect([status, stderr]).toEqual([0, ''])
    const other = readFileSync(path.join(folder, 'forecast.csv'), 'utf8').trim().split('\n').slice(1)
    for (const [i, row] of rows.entries()) {
      const [own, theirs] = [row, other[i]].map((line) => line.split(',').slice(3).map(Number))
      for (const [j, value] of own.entries()) expect(value).toBeCloseTo(theirs[j], 3)
    }
  })

  test('a training is paused, goes on, and forecasts when it is stopped', async () => {
    const { tab, button } = studio
    await studio.open('train')
    await studio.drop('sales.csv', csv())
    await tab.locator('dialog').getByLabel('Epochs').fill('10000')
    await button('Use this').click()
    await button('Start training').click()
    const told = () => tab.locator('[role=img]').getAttribute('aria-label')
    await expect.poll(told, { timeout: 120_000 }).toMatch(/over \d.* steps/)
    await expect.poll(() => studio.figure('training error'), { timeout: 120_000 }).toBeLessThan(1)
    await button('Pause').click()
    await tab.waitForTimeout(300)
    const before = await told()
    await tab.waitForTimeout(300)
    expect(await told()).toBe(before)
    await button('Go on').click()
    await expect.poll(told, { timeout: 120_000 }).not.toBe(before)
    await button('Stop').click()
    await tab.getByText('Stopped. The model is kept in this browser; the forecast is').waitFor()
    await tab.locator('.errors').waitFor()
    await button('Back to texts').click()
    await tab.getByRole('heading', { name: 'An LSTM reads Moby Dick' }).waitFor()
  })

  const hour = (i: number) => new Date(Date.UTC(2024, 2, 29) + i * 3_600_000).toISOString().slice(0, 16)
  const wrong = [
    [
      'a text among numbers',
      'notNumber',
      csv((i) => `${day(i)},${i === 5 ? 'many' : sales(i)},0,calm`),
      'sales.csv: row 7, column sales is "many", expected a number',
    ],
    [
      'a decimal comma among numbers',
      'numberWithComma',
      csv((i) => `${day(i)},${i === 5 ? '"20,5"' : sales(i)},0,calm`),
      'sales.csv: row 7, column sales is "20,5", expected a number; write decimals with a point',
    ],
    [
      'a missing day',
      'gap',
      csv((i) => `${day(i < 50 ? i : i + 1)},${sales(i)},0,calm`),
      /sales\.csv: row 52: .*2024-02-21/,
    ],
    ['a missing value', 'gap', csv((i) => `${day(i)},${i === 9 ? '' : sales(i)},0,calm`), /row 11, column sales/],
    ['days in the wrong order', 'timeOrder', csv((i) => `${day(i === 3 ? 1.5 : i)},${sales(i)},0,calm`), /row 5/],
    ['what is no date', 'notTime', csv((i) => `${i === 3 ? '4 Jan' : day(i)},${sales(i)},0,calm`), /row 5.*"4 Jan"/],
    ['uneven times', 'timeGrid', csv((i) => `${day(i)}${i === 3 ? 'T01:00' : ''},${sales(i)},0,calm`), /row 5/],
    ['clocks put back', 'timeTwice', csv((i) => `${hour(i > 50 ? i - 1 : i)},${sales(i)},0,calm`), /row 53.*twice/],
    ['clocks put forward', 'gap', csv((i) => `${hour(i > 50 ? i + 1 : i)},${sales(i)},0,calm`), /row 53.*offset/],
    ['a constant', 'notSeries', csv((i) => `${day(i)},1,0,calm`), /sales\.csv: .*column sales/],
  ] as const

  test('what is wrong with a table is told in both languages, with the words of the library', async () => {
    await studio.open('train')
    for (const [what, fault, text, sentence] of wrong) {
      await begin(text)
      // What was wrong with the last table may be there still.
      const detail = studio.tab.getByRole('alert').locator('.detail')
      await expect.poll(() => detail.textContent(), { message: what }).toMatch(sentence)
      await studio.says(fault, 'sales.csv')
    }
  })

  test('a table whose numbers all have decimal commas says so at once', async () => {
    await studio.open('train')
    const rows = Array.from({ length: 50 }, (_, i) => `${day(i)};${i},0;0,5`)
    await studio.drop('vento.csv', `data;velocidade;chuva\n${rows.join('\n')}\n`)
    await studio.says('numberWithComma', 'vento.csv')
  })

  test('a table without numbers, and one without rows', async () => {
    await studio.open('train')
    await studio.drop('words.csv', 'a,b\nx,y\nz,w\n')
    await studio.says('noNumbers', 'words.csv')
    await studio.drop('empty.csv', 'a,b\n')
    await studio.says('notSeries', 'empty.csv')
    await studio.tab.getByText('empty.csv: the file has a header and no rows').waitFor()
  })
})
