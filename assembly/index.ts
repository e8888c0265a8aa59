export { PANEL } from "./constants";
/** The end of the kernels' own constants: memory is free from here on. */
export const FREE: usize = __heap_base;
export {
  exp, log, tanh, sigmoid, relu, sqrt, abs, add, sub, mul, div, tanhGrad, sigmoidGrad, reluGrad,
} from "./elementwise";
export { loadRows, storeRows } from "./panels";
export { post, runAll, serve, settled } from "./pool";
export { uniform, mask } from "./random";
export { softmax, logSoftmax } from "./softmax";
