import { FormatError } from '../../core/errors.js'
import type { GraphNode } from './graph.js'
import { mathOperators } from './math-operators.js'
import type { Operator, Run } from './operator.js'
import { recurrentInputs, runRecurrent } from './recurrent.js'
import { isRecurrent, recurrentNode } from './recurrent-node.js'
import { shapeOperators } from './shape-operators.js'

/** The operators that the exporters of PyTorch and Keras put around recurrent nodes. */
const operators: ReadonlyMap<string, Operator> = new Map(Object.entries({ ...shapeOperators, ...mathOperators }))

/**
 * Prepares a node to be run.
 * @param where the file's name, for messages
 * @throws FormatError for an operator or an attribute that this library does not have
 */
export function prepare(node: GraphNode, opset: number, where: string): Run {
  const { op, title, attributes, outputs } = node
  const what = `${where}: ${title}`
  if (isRecurrent(node)) {
    const recurrent = recurrentNode(node)
    return ({ inputs, budget }) => runRecurrent(recurrent, recurrentInputs(recurrent.op, inputs, what), budget, what)
  }
  const operator = operators.get(op)
  if (!operator) {
    const loop = ['Loop', 'Scan', 'If'].includes(op)
    throw new FormatError(
      `${what} is an operator that this library does not have${loop ? ', expected RNN, GRU or LSTM nodes instead of loops' : ''}; docs/onnx.md lists those that it has`,
    )
  }
  const run = operator(attributes, opset, outputs.length)
  attributes.checkAllRead()
  return run
}
