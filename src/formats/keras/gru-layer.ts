/**
 * A module for those who run a GRU in TensorFlow.js, whose own GRU has no `reset_after`: it registers a layer that takes
 * GRUs of either kind, under the name by which files call it. It is text, because it imports nothing of this library and
 * is written beside the model.
 */
export const gruLayer = `// A GRU with reset_after, as Keras 2 and 3, cuDNN and PyTorch compute it, which TensorFlow.js lacks.
// Before tf.loadLayersModel: import { registerGRU } from './gru.js'; registerGRU(tf)
export function registerGRU(tf) {
  const GRUCell = tf.layers.gruCell({ units: 1 }).constructor

  class ResetAfterGRUCell extends GRUCell {
    constructor(config) {
      super({ ...config, resetAfter: false })
    }

    build(inputShape) {
      const { useBias, units } = this
      this.useBias = false
      super.build(inputShape)
      this.useBias = useBias
      if (useBias) this.bias = this.addWeight('bias', [2, 3 * units], null, this.biasInitializer)
    }

    call([inputs, state]) {
      return tf.tidy(() => {
        const [inputBias, stateBias] = this.useBias ? tf.unstack(this.bias.read()) : [0, 0]
        const fromInputs = tf.add(tf.matMul(inputs, this.kernel.read()), inputBias)
        const fromState = tf.add(tf.matMul(state, this.recurrentKernel.read()), stateBias)
        const [xz, xr, xh] = tf.split(fromInputs, 3, 1)
        const [hz, hr, hh] = tf.split(fromState, 3, 1)
        const update = tf.sigmoid(tf.add(xz, hz))
        const reset = tf.sigmoid(tf.add(xr, hr))
        const candidate = tf.tanh(tf.add(xh, tf.mul(reset, hh)))
        const next = tf.add(tf.mul(update, state), tf.mul(tf.sub(1, update), candidate))
        return [next, next]
      })
    }

    getConfig() {
      return { ...super.getConfig(), resetAfter: true }
    }
  }
  ResetAfterGRUCell.className = 'ResetAfterGRUCell'

  class GRU extends tf.RNN {
    constructor(config) {
      super({ ...config, cell: config.resetAfter ? new ResetAfterGRUCell(config) : new GRUCell(config) })
    }

    getConfig() {
      return { ...this.cell.getConfig(), ...super.getConfig() }
    }

    static fromConfig(cls, config) {
      return new cls(config)
    }
  }
  GRU.className = 'GRU'
  tf.serialization.registerClass(ResetAfterGRUCell)
  tf.serialization.registerClass(GRU)
}
`
