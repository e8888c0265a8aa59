import { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { checkNumber, checkWhole } from '../core/check.js'
import { DataError, DivergenceError, OptionError, UnrolledError } from '../core/errors.js'
import { sentenceOf } from './sentence.js'

const train = new Command('train')
  .option('--batch-size <n>')
  .option('--num-steps <n>')
  .option('--lr <rate>')
  .option('--clip <norm>')
  .option('--warmup <n>')
  .option('--validate-every <n>')
const functions = new Set(['SequenceData', 'CosineLR', 'loadText', 'train', 'SGD'])
const said = (error: UnrolledError, args: string[] = []) => sentenceOf(error, train, functions, args)

function thrown(work: () => void): UnrolledError {
  try {
    work()
  } catch (error) {
    if (error instanceof UnrolledError) return error
  }
  throw new Error('nothing was thrown')
}

describe('an error of the library, in the words of the command', () => {
  test('its name and its flag take the place of the function and the option', () => {
    const whole = thrown(() => checkWhole('SequenceData', 'batchSize', 0))
    expect(whole.options).toEqual(['batchSize'])
    expect(said(whole)).toBe('train: --batch-size is 0, expected a whole number of 1 or more')
    expect(said(thrown(() => checkNumber('SGD', 'lr', -1, 0)))).toBe(
      'train: --lr is -1, expected a number of 0 or more',
    )
  })

  test('also where the library calls the option otherwise', () => {
    expect(said(thrown(() => checkWhole('CosineLR', 'warmupSteps', 9, 0, 4)))).toBe(
      'train: --warmup is 9, expected a whole number from 0 to 4',
    )
    expect(said(thrown(() => checkWhole('train', 'validation.every', 0)))).toMatch(/^train: --validate-every is 0,/)
  })

  test('all options that a message names, and only those', () => {
    const short = new DataError('SequenceData: too short; use a smaller batchSize or numSteps', [
      'batchSize',
      'numSteps',
    ])
    expect(said(short)).toBe('train: too short; use a smaller --batch-size or --num-steps')
    expect(said(new DivergenceError('train: diverged; try a smaller lr than 1, or a smaller clip', 3))).toBe(
      'train: diverged; try a smaller --lr than 1, or a smaller --clip',
    )
    expect(said(new DataError('batchSize.txt: it is empty'))).toBe('batchSize.txt: it is empty')
    expect(said(new OptionError('SGD: alpha is 2', ['alpha']))).toBe('train: alpha is 2')
  })

  test('names that are not functions of the library stay: files, and folders with the name of a function', () => {
    expect(said(new DataError('novel: there is no such folder'))).toBe('novel: there is no such folder')
    expect(said(new DataError('loadText: there is no such folder'), ['info', 'loadText'])).toBe(
      'loadText: there is no such folder',
    )
    expect(said(new DataError('loadText.txt: it is empty'), ['train', 'loadText.txt'])).toBe(
      'loadText.txt: it is empty',
    )
  })

  test.each(['clip.csv', './clip.csv', 'clip/x.csv', 'x/clip', 'my-clip.csv'])(
    'the name of the file %s keeps the name of an option',
    (file) => {
      expect(said(new DataError(`${file}: too large; use a smaller clip`, ['clip']))).toBe(
        `${file}: too large; use a smaller --clip`,
      )
    },
  )

  test('a method is part of its class', () => {
    expect(said(new OptionError('SGD.step: it is over'))).toBe('train: it is over')
  })
})
