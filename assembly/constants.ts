/**
 * Numbers that both sides know. scripts/build.mjs makes src/kernels/wasm/from-assembly.ts of this file and of the fields of
 * `Plan`, `Product` and `Board`: nothing of them is written twice.
 */

/** Whether these are the kernels for engines that merge two vectors into one of 256 bits. scripts/build.mjs decides. */
// @ts-ignore: defined on the command line
export const WIDE: bool = WIDE_VECTORS == 1;
/**
 * Whether the kernels have what few pages need: the cells whose gates depend on the input alone, and threads that share the
 * units of a small batch.
 */
// @ts-ignore: defined on the command line
export const WHOLE: bool = WHOLE_KERNELS == 1;
/** Columns of a panel: see "Panels" in ARCHITECTURE.md. */
export const PANEL: i32 = WIDE ? 16 : 8;
/** Panels beside each other that a single row is multiplied by: see `multiplyVector`. */
export const STREAMS: i32 = 3;

/** The cells, as a plan names them. */
export const CELL_RNN_TANH: i32 = 0;
export const CELL_RNN_RELU: i32 = 1;
export const CELL_GRU: i32 = 2;
export const CELL_LSTM: i32 = 3;
export const CELL_MINGRU: i32 = 4;
export const CELL_MINLSTM: i32 = 5;

/** Bytes of a line of the caches: what different threads write to lies apart by this. */
export const LINE: i32 = 64;
/** Looks at what another thread writes before going to sleep: some 50 microseconds, about as long as waking up takes. */
export const PATIENCE = 20_000;
/** Looks of a worker for its next job, some 250 microseconds: what a training does between two jobs takes less. */
export const READINESS = 5 * PATIENCE;

/** Pieces of work that threads share. */
export const JOB_FORWARD: i32 = 0;
export const JOB_BACKWARD: i32 = 1;
export const JOB_GRADIENTS: i32 = 2;
export const JOB_INPUT_GRADIENTS: i32 = 3;
export const JOB_PRODUCT_ROWS: i32 = 4;
export const JOB_PIECES: i32 = 5;
export const JOB_CROSS_ENTROPY: i32 = 6;
export const JOB_MINIMAL_GATES: i32 = 7;
export const JOB_MINIMAL_STATES: i32 = 8;
export const JOB_MINIMAL_BACKWARD: i32 = 9;
export const JOB_MINIMAL_GRADIENTS: i32 = 10;
export const JOB_FORWARD_TOGETHER: i32 = 11;
export const JOB_BACKWARD_TOGETHER: i32 = 12;

/** What is done with a piece of an array. */
export const PIECE_SGD: i32 = 0;
export const PIECE_MOMENTUM: i32 = 1;
export const PIECE_NESTEROV: i32 = 2;
export const PIECE_ADAM: i32 = 3;
export const PIECE_RMSPROP: i32 = 4;
export const PIECE_SQUARES: i32 = 5;
export const PIECE_SCALE: i32 = 6;
export const PIECE_LOAD_ROWS: i32 = 7;
export const PIECE_LOAD_COLUMNS: i32 = 8;
export const PIECE_WIDE_ROWS: i32 = 9;
export const PIECE_WIDE_COLUMNS: i32 = 10;

/** The next item on the board when there is none left to take. */
export const CLOSED: i32 = 0xffff;
