// Times the recurrent primitives of oneDNN 2 (Debian: libdnnl-dev), forward and backward over a sequence, with the reorders of
// weights and of their gradients that a training step needs. There is no linear output, loss or optimizer. Reads one JSON object
// per line, writes milliseconds, one number per line; null for what it cannot do.
#include <algorithm>
#include <chrono>
#include <dnnl.hpp>
#include <functional>
#include <iostream>
#include <map>
#include <omp.h>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>

using namespace dnnl;
using tag = memory::format_tag;

static engine cpu(engine::kind::cpu, 0);
static stream queue(cpu);
static const memory::dim inputs = 28;

static memory::desc plain(memory::dims dims, tag format) { return {dims, memory::data_type::f32, format}; }
static memory zeros(const memory::desc &desc) {
  memory made(desc, cpu);
  std::fill_n(static_cast<char *>(made.get_data_handle()), desc.get_size(), 0);
  return made;
}

/** The memories that primitives have in common, and the steps of a pass. */
struct Layer {
  std::vector<std::function<void()>> steps;
  std::unordered_map<int, memory> given;

  /** A matrix of weights in plain layout that each step brings into the layout that a primitive wants. */
  void weights(int argument, tag format, memory::dims dims, const memory::desc &wanted) {
    memory from = zeros(plain(dims, format)), to = zeros(wanted);
    given[argument] = to;
    reorder copy(from, to);
    steps.push_back([=]() mutable { copy.execute(queue, from, to); });
  }
  void gradients(int argument, tag format, memory::dims dims, const memory::desc &made, std::vector<std::function<void()>> &after) {
    memory from = zeros(made), to = zeros(plain(dims, format));
    given[argument] = from;
    reorder copy(from, to);
    after.push_back([=]() mutable { copy.execute(queue, from, to); });
  }
};

template <class Forward, class Backward, class... Algorithm>
static std::function<void()> pass(memory::dim T, memory::dim N, memory::dim H, memory::dim G, memory::dim biases, Algorithm... algorithm) {
  constexpr bool lstm = std::is_same<Forward, lstm_forward>::value;
  const auto direction = rnn_direction::unidirectional_left2right;
  const memory::dims layerDims = {1, 1, inputs, G, H}, iterDims = {1, 1, H, G, H}, biasDims = {1, 1, biases, H};
  const auto x = plain({T, N, inputs}, tag::tnc), y = plain({T, N, H}, tag::tnc), h = plain({1, 1, N, H}, tag::ldnc);
  const auto wx = plain(layerDims, tag::any), wh = plain(iterDims, tag::any), b = plain(biasDims, tag::ldgo);
  const auto make = [&] {
    if constexpr (lstm) {
      typename Forward::desc f(prop_kind::forward_training, direction, x, h, h, wx, wh, b, y, h, h);
      typename Forward::primitive_desc fp(f, cpu);
      typename Backward::desc g(prop_kind::backward, direction, x, h, h, wx, wh, b, y, h, h, x, h, h, wx, wh, b, y, h, h);
      return std::make_pair(fp, typename Backward::primitive_desc(g, cpu, fp));
    } else {
      typename Forward::desc f(prop_kind::forward_training, algorithm..., direction, x, h, wx, wh, b, y, h);
      typename Forward::primitive_desc fp(f, cpu);
      typename Backward::desc g(prop_kind::backward, algorithm..., direction, x, h, wx, wh, b, y, h, x, h, wx, wh, b, y, h);
      return std::make_pair(fp, typename Backward::primitive_desc(g, cpu, fp));
    }
  };
  auto [fp, bp] = make();
  Layer forward, backward;
  for (auto *layer : {&forward, &backward}) {
    layer->given[DNNL_ARG_SRC_LAYER] = zeros(x);
    layer->given[DNNL_ARG_SRC_ITER] = zeros(h);
    layer->given[DNNL_ARG_BIAS] = zeros(b);
    if (lstm) layer->given[DNNL_ARG_SRC_ITER_C] = zeros(h);
  }
  forward.weights(DNNL_ARG_WEIGHTS_LAYER, tag::ldgoi, layerDims, fp.weights_layer_desc());
  forward.weights(DNNL_ARG_WEIGHTS_ITER, tag::ldgoi, iterDims, fp.weights_iter_desc());
  backward.weights(DNNL_ARG_WEIGHTS_LAYER, tag::ldgoi, layerDims, bp.weights_layer_desc());
  backward.weights(DNNL_ARG_WEIGHTS_ITER, tag::ldgoi, iterDims, bp.weights_iter_desc());
  forward.given[DNNL_ARG_DST_LAYER] = zeros(y);
  forward.given[DNNL_ARG_DST_ITER] = zeros(h);
  if (lstm) forward.given[DNNL_ARG_DST_ITER_C] = zeros(h);
  forward.given[DNNL_ARG_WORKSPACE] = zeros(fp.workspace_desc());
  for (int shared : {DNNL_ARG_DST_LAYER, DNNL_ARG_DST_ITER, DNNL_ARG_DST_ITER_C, DNNL_ARG_WORKSPACE})
    if (forward.given.count(shared)) backward.given[shared] = forward.given[shared];
  std::vector<std::function<void()>> after;
  backward.gradients(DNNL_ARG_DIFF_WEIGHTS_LAYER, tag::ldgoi, layerDims, bp.diff_weights_layer_desc(), after);
  backward.gradients(DNNL_ARG_DIFF_WEIGHTS_ITER, tag::ldgoi, iterDims, bp.diff_weights_iter_desc(), after);
  backward.given[DNNL_ARG_DIFF_SRC_LAYER] = zeros(x);
  backward.given[DNNL_ARG_DIFF_SRC_ITER] = zeros(h);
  backward.given[DNNL_ARG_DIFF_BIAS] = zeros(b);
  backward.given[DNNL_ARG_DIFF_DST_LAYER] = zeros(y);
  backward.given[DNNL_ARG_DIFF_DST_ITER] = zeros(h);
  if (lstm) {
    backward.given[DNNL_ARG_DIFF_SRC_ITER_C] = zeros(h);
    backward.given[DNNL_ARG_DIFF_DST_ITER_C] = zeros(h);
  }
  Forward f(fp);
  Backward g(bp);
  return [=]() mutable {
    for (auto &step : forward.steps) step();
    f.execute(queue, forward.given);
    for (auto &step : backward.steps) step();
    g.execute(queue, backward.given);
    for (auto &step : after) step();
    queue.wait();
  };
}

static double median(const std::function<void()> &step, size_t count) {
  using clock = std::chrono::steady_clock;
  const auto since = [](clock::time_point from) { return std::chrono::duration<double, std::milli>(clock::now() - from).count(); };
  for (const auto start = clock::now(); since(start) < 100;) step();
  std::vector<double> times;
  for (const auto begin = clock::now(); times.size() < count || since(begin) < 200;) {
    const auto start = clock::now();
    step();
    times.push_back(since(start));
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

int main() {
  std::map<std::string, std::function<void()>> made;
  for (std::string line; std::getline(std::cin, line);) {
    const auto field = [&](const std::string &name) {
      std::smatch found;
      return std::regex_search(line, found, std::regex("\"" + name + "\":\"?([^\",}]*)")) ? found[1].str() : std::string();
    };
    if (field("job") == "version") {
      const auto *v = dnnl_version();
      std::cout << "\"oneDNN " << v->major << '.' << v->minor << '.' << v->patch << '"' << std::endl;
      continue;
    }
    if (field("job") != "train" || field("layers") != "1") {
      std::cout << "null" << std::endl;
      continue;
    }
    const std::string cell = field("cell");
    const int N = std::stoi(field("batch")), H = std::stoi(field("hidden")), T = std::stoi(field("steps"));
    omp_set_num_threads(std::stoi(field("threads")));
    auto &step = made[cell + ' ' + field("batch") + ' ' + field("hidden") + ' ' + field("threads")];
    if (!step) {
      if (cell == "lstm") step = pass<lstm_forward, lstm_backward>(T, N, H, 4, 4);
      else if (cell == "gru") step = pass<lbr_gru_forward, lbr_gru_backward>(T, N, H, 3, 4);
      else step = pass<vanilla_rnn_forward, vanilla_rnn_backward>(T, N, H, 1, 1, algorithm::eltwise_tanh);
    }
    std::cout << median(step, std::stoul(field("count"))) << std::endl;
  }
}
