// topgun-bench-operations: runs `Operations` natively, a command a line on stdin, and answers each
// with a line "<nanoseconds> <result>".
//
//   fill N · make-update G · merge-update · diverge G N · reconcile · digest R · hash ·
//   load N (then N bytes follow)

#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "tests/bench/operations/operations.hpp"

namespace {

/// The result of `command`; nothing if it is not known.
std::optional<uint32_t> run(topgun::bench::Operations& operations, const std::string& command,
                            uint32_t first, uint32_t second) {
  if (command == "fill") return operations.fill(first), first;
  if (command == "make-update") return operations.make_update(first);
  if (command == "merge-update") return operations.merge_update();
  if (command == "diverge") return operations.diverge(first, second), second;
  if (command == "reconcile") return operations.reconcile();
  if (command == "digest" && first < 2) return operations.digest(first);
  if (command == "hash") return operations.hash();
  if (command == "load") {
    operations.buffer().resize(first);
    std::cin.read(reinterpret_cast<char*>(operations.buffer().data()), first);
    return first;
  }
  return std::nullopt;
}

}  // namespace

int main() {
  topgun::bench::Operations operations;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    uint32_t first = 0;
    uint32_t second = 0;
    words >> command >> first >> second;
    const auto begin = std::chrono::steady_clock::now();
    const std::optional<uint32_t> result = run(operations, command, first, second);
    const auto end = std::chrono::steady_clock::now();
    if (!result) {
      std::fprintf(stderr, "topgun-bench-operations: unknown command '%s'\n", line.c_str());
      return 2;
    }
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
    std::printf("%lld %u\n", static_cast<long long>(ns), *result);
    std::fflush(stdout);
  }
  return 0;
}
