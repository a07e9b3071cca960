// topgun-load: see --help. One thread over epoll, like redis-benchmark, so that both can be
// compared on the same machine.

#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <random>

#include "tests/bench/load/load_connection.hpp"
#include "tests/bench/load/visibility.hpp"

namespace topgun::bench {
namespace {

uint64_t clock_us(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<uint64_t>(time.tv_nsec) / 1000;
}

double own_cpu_seconds() { return static_cast<double>(clock_us(CLOCK_PROCESS_CPUTIME_ID)) / 1e6; }

/// User and system time of another process, from /proc; 0 if it cannot be read.
double cpu_seconds_of(int pid) {
  if (pid == 0) return 0;
  clockid_t clock;
  if (clock_getcpuclockid(pid, &clock) != 0) return 0;
  return static_cast<double>(clock_us(clock)) / 1e6;
}

/// Anonymous memory of another process in bytes: what it allocated, without mapped files.
uint64_t anonymous_bytes_of(int pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("RssAnon:")) return std::stoull(line.substr(8)) * 1024;
  }
  return 0;
}

using Connections = std::vector<std::unique_ptr<LoadConnection>>;

int open_all(const LoadOptions& options, const FrameTemplates& templates,
             Connections& connections) {
  std::random_device device;
  for (uint32_t i = 0; i < options.connections; ++i) {
    const uint64_t replica = (uint64_t{device()} << 32) | device() | 1;
    connections.push_back(std::make_unique<LoadConnection>(options, templates, replica));
    const std::string problem = connections.back()->open();
    if (!problem.empty()) {
      std::fprintf(stderr, "topgun-load: connection %u: %s\n", i, problem.c_str());
      return 1;
    }
  }
  return 0;
}

int run_idle(const LoadOptions& options) {
  const FrameTemplates templates(options);
  const uint64_t before = anonymous_bytes_of(options.server_pid);
  Connections connections;
  if (open_all(options, templates, connections) != 0) return 1;
  const uint64_t after = anonymous_bytes_of(options.server_pid);
  std::printf("{\"connections\":%u,\"server_bytes\":%lld,\"server_bytes_per_connection\":%.1f}\n",
              options.connections, static_cast<long long>(after) - static_cast<long long>(before),
              (static_cast<double>(after) - static_cast<double>(before)) / options.connections);
  return 0;
}

void print_result(const LoadOptions& options, const LoadTotals& totals, double seconds,
                  double client_cpu, double server_cpu) {
  const auto operations = static_cast<double>(totals.operations_acked);
  std::printf(
      "{\"transport\":\"%s\",\"connections\":%u,\"batch\":%u,\"inflight\":%u,\"level\":\"%s\","
      "\"value_bytes\":%u,"
      "\"operations\":%llu,\"rejected\":%llu,\"errors\":%llu,\"seconds\":%.6f,"
      "\"operations_per_second\":%.1f,\"client_cpu_us_per_operation\":%.4f,"
      "\"server_cpu_us_per_operation\":%.4f,\"latency_us\":{\"p50\":%llu,\"p90\":%llu,"
      "\"p99\":%llu,\"p999\":%llu,\"max\":%llu}}\n",
      options.http ? "http" : "websocket", options.connections, options.batch, options.inflight,
      options.level == AckLevel::Local ? "local" : "memory", options.value_bytes,
      static_cast<unsigned long long>(totals.operations_acked),
      static_cast<unsigned long long>(totals.operations_rejected),
      static_cast<unsigned long long>(totals.errors), seconds, operations / seconds,
      client_cpu * 1e6 / operations, server_cpu * 1e6 / operations,
      static_cast<unsigned long long>(totals.latency.percentile(0.5)),
      static_cast<unsigned long long>(totals.latency.percentile(0.9)),
      static_cast<unsigned long long>(totals.latency.percentile(0.99)),
      static_cast<unsigned long long>(totals.latency.percentile(0.999)),
      static_cast<unsigned long long>(totals.latency.max()));
}

int run_load(const LoadOptions& options) {
  const FrameTemplates templates(options);
  Connections connections;
  if (open_all(options, templates, connections) != 0) return 1;
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < connections.size(); ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connections[i]->fd(), &event);
  }

  LoadTotals totals;
  uint64_t start_us = clock_us(CLOCK_MONOTONIC);
  const uint64_t warm_until_us = start_us + static_cast<uint64_t>(options.warmup_seconds * 1e6);
  bool warm = options.warmup_seconds == 0;
  double client_cpu = own_cpu_seconds();
  double server_cpu = cpu_seconds_of(options.server_pid);
  uint64_t last_progress_us = start_us;

  const auto fill_all = [&] {
    const uint64_t now_us = clock_us(CLOCK_MONOTONIC);
    for (auto& connection : connections) {
      connection->fill(clock_us(CLOCK_REALTIME) / 1000, now_us);
    }
  };
  fill_all();

  epoll_event events[256];
  while (true) {
    const int count = epoll_wait(epoll_fd, events, 256, 100);
    const uint64_t now_us = clock_us(CLOCK_MONOTONIC);
    const uint64_t wall_ms = clock_us(CLOCK_REALTIME) / 1000;
    const uint64_t acked_before = totals.operations_acked;
    for (int i = 0; i < count; ++i) {
      LoadConnection& connection = *connections[events[i].data.u64];
      const bool wanted_write = connection.wants_write();
      connection.read(now_us, totals);
      connection.fill(wall_ms, now_us);
      if (connection.failed()) {
        std::fprintf(stderr, "topgun-load: the server closed a connection\n");
        return 1;
      }
      if (connection.wants_write() == wanted_write) continue;
      epoll_event event{};
      event.events = EPOLLIN | (connection.wants_write() ? EPOLLOUT : 0u);
      event.data.u64 = events[i].data.u64;
      epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection.fd(), &event);
    }
    if (totals.operations_acked != acked_before) last_progress_us = now_us;
    if (now_us - last_progress_us > 10'000'000) {
      std::fprintf(stderr, "topgun-load: no ack for ten seconds\n");
      return 1;
    }
    if (!warm && now_us >= warm_until_us) {
      warm = true;
      totals = {};
      start_us = now_us;
      client_cpu = own_cpu_seconds();
      server_cpu = cpu_seconds_of(options.server_pid);
    }
    const double seconds = static_cast<double>(now_us - start_us) / 1e6;
    const bool done = options.operations > 0 ? totals.operations_acked >= options.operations
                                             : seconds >= options.seconds;
    if (!warm || !done) continue;
    print_result(options, totals, seconds, own_cpu_seconds() - client_cpu,
                 cpu_seconds_of(options.server_pid) - server_cpu);
    close(epoll_fd);
    return 0;
  }
}

}  // namespace
}  // namespace topgun::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "--help") {
    std::printf("%s", topgun::bench::kLoadHelp);
    return 0;
  }
  const auto outcome = topgun::bench::read_load_options(arguments);
  if (!outcome.error.empty()) {
    std::fprintf(stderr, "topgun-load: %s (try --help)\n", outcome.error.c_str());
    return 2;
  }
  // Thousands of connections need thousands of descriptors.
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (!outcome.options.reader.empty()) return topgun::bench::run_visibility(outcome.options);
  return outcome.options.idle ? topgun::bench::run_idle(outcome.options)
                              : topgun::bench::run_load(outcome.options);
}
