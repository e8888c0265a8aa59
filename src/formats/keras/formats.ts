// All that reads models of Keras and TensorFlow.js, to be loaded together when there is such a file.
export { readKeras, readKerasH5 } from './keras.js'
export { modelOfKeras } from './model.js'
export { tensorsOfKeras } from './parameters.js'
export { readTfjs } from './tfjs.js'
