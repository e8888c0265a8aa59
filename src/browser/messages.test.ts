import { describe, expect, test } from 'vitest'
import { DataError, DivergenceError } from '../core/errors.js'
import { errorOf, thrownOf } from './messages.js'

describe('an error of the worker, made again in the page', () => {
  const errors = {
    'of the library': new DataError('predict: prefix contains "n"', ['prefix'], 'short-text'),
    'with fields of its own': new DivergenceError('the loss is NaN', 7),
    'of the language': new RangeError('out of memory'),
  }

  test.each(Object.entries(errors))('%s is one that consoles show with its message', (_, error) => {
    const again = errorOf(structuredClone(thrownOf(error)))
    // What is only made like an error is cloned, and shown, as an object without a message.
    expect(structuredClone(again)).toBeInstanceOf(Error)
    expect(structuredClone(again).message).toBe(error.message)
    expect(Object.prototype.toString.call(again)).toBe('[object Error]')
  })

  test.each(Object.entries(errors))('%s keeps its name and fields', (_, error) => {
    const again = errorOf(structuredClone(thrownOf(error)))
    expect({ ...again, name: again.name, message: again.message }).toEqual({
      ...error,
      name: error.name,
      message: error.message,
    })
    if (!(error instanceof RangeError)) expect(again).toBeInstanceOf(error.constructor)
  })
})
