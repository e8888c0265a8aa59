import { expect, test } from 'vitest'
import { statusLines } from './status-lines.js'

const parts = [
  { text: 'aaaa', importance: 3 },
  { text: 'bbbbbb', importance: 5 },
  { text: 'cc', importance: 1 },
  { text: 'dddd', importance: 4 },
]

test('one line where there is room, else two, in their order', () => {
  expect(statusLines(parts, 22)).toEqual(['aaaa  bbbbbb  cc  dddd'])
  expect(statusLines(parts, 21)).toEqual(['aaaa  bbbbbb  cc', 'dddd'])
  expect(statusLines(parts, 15)).toEqual(['aaaa  bbbbbb', 'cc  dddd'])
})

test('the least important go first; the most important stays, cut off at last', () => {
  expect(statusLines(parts, 10)).toEqual(['bbbbbb', 'dddd'])
  expect(statusLines(parts, 6)).toEqual(['bbbbbb', 'dddd'])
  expect(statusLines(parts, 5)).toEqual(['bbbbb'])
})

test('the most important is shown strong, which takes no room', () => {
  expect(statusLines(parts, 22, (text) => `<b>${text}</b>`)).toEqual(['aaaa  <b>bbbbbb</b>  cc  dddd'])
})
