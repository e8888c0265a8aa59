import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { unzipSync } from 'fflate'
import { afterAll, expect, test } from 'vitest'
import type { english } from '../../apps/studio/src/words/english.js'
import type { ErrorFacts } from '../../src/node.js'
import { BuiltCommand } from '../built-command.js'
import { describeStudio } from './studio.js'

type FaultKind = keyof typeof english.faults

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
  /** Whether the page says where in the table something is wrong, in both languages. */
  async function saysWhere(place: string): Promise<void> {
    const { tab } = studio
    const detail = tab.getByRole('alert').locator('.detail')
    const words = { Row: 'Linha', Column: 'Coluna', column: 'coluna', after: 'depois de' }
    const translated = place.replace(/(?<!“)\b(Row|Column|column|after)\b/g, (word) => words[word as 'Row'])
    for (const [language, expected] of [
      ['en', place],
      ['pt-BR', translated],
    ]) {
      await tab.locator('header select').selectOption(language)
      await expect.poll(async () => (await detail.allTextContents()).join()).toBe(expected)
    }
  }

  test.each<[string, FaultKind, string, string, ErrorFacts?]>([
    [
      'a text among numbers',
      'notNumber',
      csv((i) => `${day(i)},${i === 5 ? 'many' : sales(i)},0,calm`),
      'Row 7, column sales: “many”',
    ],
    [
      'a decimal comma among numbers',
      'numberWithComma',
      csv((i) => `${day(i)},${i === 5 ? '"20,5"' : sales(i)},0,calm`),
      'Row 7, column sales: “20,5”',
    ],
    [
      'a missing day',
      'gap',
      csv((i) => `${day(i < 50 ? i : i + 1)},${sales(i)},0,calm`),
      'Row 52: “2024-02-21” after “2024-02-19”',
    ],
    ['a missing value', 'gap', csv((i) => `${day(i)},${i === 9 ? '' : sales(i)},0,calm`), 'Row 11, column sales'],
    [
      'days in the wrong order',
      'timeOrder',
      csv((i) => `${day(i === 3 ? 1.5 : i)},${sales(i)},0,calm`),
      'Row 5: “2024-01-02” after “2024-01-03”',
    ],
    [
      'what is no date',
      'notTime',
      csv((i) => `${i === 3 ? '4 Jan' : day(i)},${sales(i)},0,calm`),
      'Row 5, column date: “4 Jan”',
    ],
    [
      'uneven times',
      'timeGrid',
      csv((i) => `${day(i)}${i === 3 ? 'T01:00' : ''},${sales(i)},0,calm`),
      'Row 5: “2024-01-04T01:00” after “2024-01-03”',
    ],
    [
      'clocks put back',
      'timeTwice',
      csv((i) => `${hour(i > 50 ? i - 1 : i)},${sales(i)},0,calm`),
      'Row 53: “2024-03-31T02:00”',
    ],
    [
      'clocks put forward',
      'gap',
      csv((i) => `${hour(i > 50 ? i + 1 : i)},${sales(i)},0,calm`),
      'Row 53: “2024-03-31T04:00” after “2024-03-31T02:00”',
    ],
    ['a constant', 'constantColumn', csv((i) => `${day(i)},1,0,calm`), 'Column sales'],
    [
      'a series that is too short',
      'shortSeries',
      `sales\n${Array.from({ length: 30 }, (_, i) => sales(i)).join('\n')}\n`,
      '',
      { values: 24, needed: 35 },
    ],
  ])('%s is told in both languages, with its place', async (_, fault, text, place, facts) => {
    await studio.open('train')
    await begin(text)
    await studio.says(fault, 'sales.csv', undefined, facts)
    await saysWhere(place)
  })

  test('a training that could not begin has no model to look into', async () => {
    const { tab } = studio
    await studio.open('train')
    await begin(csv((i) => `${day(i)},1,0,calm`))
    await studio.says('constantColumn', 'sales.csv')
    await tab.locator('nav').getByRole('link', { name: 'Look inside' }).click()
    await tab.getByText('Train a model first').waitFor()
    // What is wrong would be told once the browser's files are read.
    await tab.waitForTimeout(500)
    expect(await tab.getByRole('alert').count()).toBe(0)
  })

  test.each<[FaultKind, string, string, ErrorFacts?]>([
    ['emptyTable', 'a,b\n', ''],
    ['rowLength', 'a,b\n1,2\n1,2,3\n', 'Row 3', { cells: 3, columns: 2 }],
    ['badQuotes', 'a,b\n1,"2\n', 'Row 2'],
    ['noHeader', '1,2\n3,4\n', ''],
    ['columnTwice', 'a,a\n1,2\n', 'Column a'],
    ['noNumbers', 'a,b\nx,y\nz,w\n', ''],
  ])('what is no table of numbers says so at once: %s', async (fault, text, place, facts) => {
    await studio.open('train')
    await studio.drop('odd.csv', text)
    await studio.says(fault, 'odd.csv', undefined, facts)
    await saysWhere(place)
  })

  test('a table whose numbers all have decimal commas says so at once', async () => {
    await studio.open('train')
    const rows = Array.from({ length: 50 }, (_, i) => `${day(i)};${i},0;0,5`)
    await studio.drop('vento.csv', `data;velocidade;chuva\n${rows.join('\n')}\n`)
    await studio.says('numberWithComma', 'vento.csv')
  })

  test('a forecast is saved with the separator of the file', async () => {
    await studio.open('train')
    const rows = Array.from({ length: 60 }, (_, i) => `${day(i)};${sales(i)}`)
    await begin(`date;sales\n${rows.join('\n')}\n`)
    await studio.tab.getByText('Done.').waitFor({ timeout: 120_000 })
    const [header, first] = (await saved('Save the forecast (CSV)')).toString().split('\n')
    expect(header).toBe('date;target;step;forecast;low;high')
    expect(first.split(';').slice(0, 3)).toEqual(['2024-03-01', 'sales', '1'])
    await studio.drop('model.zip', await saved('Save the model (zip)'))
    await studio.tab.getByText('This model forecasts sales (columns sales, dates; 28 steps → 7).').waitFor()
  })
})
