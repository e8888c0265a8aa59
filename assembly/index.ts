export {
  exp, log, tanh, sigmoid, relu, sqrt, abs, add, sub, mul, div, tanhGrad, sigmoidGrad, reluGrad,
} from "./elementwise";
export { multiply, multiplyTransposed } from "./matmul";
export {
  pack, addPacked, packTransposed, unpack, unpackTransposed, fillRows, addTokenRows, scatterTokenRows, sumRows,
} from "./panels";
export { rnnTanh, rnnRelu, rnnTanhBackward, rnnReluBackward } from "./rnn";
export { gru, gruBackward } from "./gru";
export { lstm, lstmBackward } from "./lstm";
export { softmax, logSoftmax, crossEntropy } from "./softmax";
