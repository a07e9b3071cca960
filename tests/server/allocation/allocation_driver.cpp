// Starts a server again and again whose Nth allocation fails, while clients write; after each end a
// server with enough memory starts on the same data, and nothing that was acknowledged as `local`
// may be missing.
//
//   topgun-starve --server PROGRAM [--lives N] [--seed S] [--fail N] [--libraries]
//
// A first life counts allocations; half of the others fail before the server is ready, spread over
// all of these, and half while it serves. One in four fails from there on, not once. --fail repeats
// one. A server whose own allocation failed must say so when it ends. With --libraries those of C
// libraries fail as well (SQLite, OpenSSL, zlib): some of them can do without and the server goes
// on, others end it by an assertion.

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "core/base/prng.hpp"
#include "tests/server/crash/ledger.hpp"
#include "tests/server/crash/server_process.hpp"

namespace topgun::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kWord = "out of memory";
constexpr uint64_t kOutboxMax = 64;
constexpr std::chrono::milliseconds kLife{250};
constexpr std::chrono::milliseconds kEnd{2000};

struct Options {
  std::string server;
  uint64_t lives = 60;
  uint64_t seed = 0;
  uint64_t fail = 0;
  bool libraries = false;
};

uint64_t wall_ms() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

/// While it lives, what this process and its children say on stderr goes to a file.
class HeardErrors {
 public:
  explicit HeardErrors(std::string path)
      : path_(std::move(path)), before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) {
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    ::dup2(file, STDERR_FILENO);
    ::close(file);
  }
  ~HeardErrors() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  HeardErrors(const HeardErrors&) = delete;
  HeardErrors& operator=(const HeardErrors&) = delete;

  std::string text() const {
    std::ifstream in(path_);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }

 private:
  const std::string path_;
  const int before_;
};

class StarvationTest {
 public:
  StarvationTest(const Options& options, std::string directory)
      : options_(options),
        directory_(std::move(directory)),
        random_(options.seed, stream_id("allocations")) {
    for (uint64_t replica = 1; replica <= 3; ++replica) writers_.emplace_back(replica);
  }

  /// The first thing that went wrong, or empty.
  std::string run() {
    if (std::string problem = count(); !problem.empty()) return problem;
    for (uint64_t life = 0; life < options_.lives; ++life) {
      const bool is_sticky = random_.below(4) == 0;
      uint64_t number = until_ready_ + random_.below(until_end_ - until_ready_);
      // Spread over all that happens before the server is ready.
      if (life % 2 == 0) number = 1 + until_ready_ * life / options_.lives;
      if (options_.fail != 0) number = options_.fail;
      const std::string plan = std::to_string(number) + (is_sticky ? "+" : "");
      std::string problem = starve(plan);
      if (problem.empty()) problem = recover();
      if (!problem.empty()) return "allocation " + plan + ": " + problem;
    }
    return {};
  }

  void print() const {
    uint64_t acknowledged = 0;
    for (const Writer& writer : writers_) acknowledged += writer.acknowledged();
    std::printf("%llu writes acknowledged; %llu allocations until a server is ready, %llu in all\n",
                static_cast<unsigned long long>(acknowledged),
                static_cast<unsigned long long>(until_ready_),
                static_cast<unsigned long long>(until_end_));
    for (const auto& [text, count] : ends_) {
      std::printf("  %4llu %s\n", static_cast<unsigned long long>(count), text.c_str());
    }
  }

 private:
  ServerProcess::Options server_options(const std::string& plan) const {
    ServerProcess::Options options;
    options.program = options_.server;
    options.data_directory = directory_ + "/data";
    options.environment = {{"LD_PRELOAD", TOPGUN_ALLOCATION_SHIM},
                           {"TOPGUN_ALLOCATIONS", directory_ + "/count"}};
    if (options_.libraries) options.environment.push_back({"TOPGUN_ALLOCATIONS_OF", "all"});
    if (!plan.empty()) options.environment.push_back({"TOPGUN_FAIL_ALLOCATION", plan});
    return options;
  }

  uint64_t counted() const {
    uint64_t count = 0;
    std::ifstream in(directory_ + "/count", std::ios::binary);
    in.read(reinterpret_cast<char*>(&count), sizeof(count));
    return count;
  }

  std::string count() {
    ServerProcess server(server_options({}));
    until_ready_ = counted();
    if (std::string problem = serve(server); !problem.empty()) return problem;
    until_end_ = counted();
    server.kill();
    drain();
    return until_ready_ == 0 ? "the shim was not active: this proves nothing" : std::string();
  }

  /// A life in which memory is short.
  std::string starve(const std::string& plan) {
    const HeardErrors errors(directory_ + "/errors");
    ServerProcess server(server_options(plan));
    if (server.port() != 0) (void)serve(server);
    const bool has_ended = server.port() == 0 || server.has_ended();
    server.kill();
    drain();
    const std::string said = errors.text();
    std::string line = said.substr(0, said.find('\n'));
    if (!has_ended) line = "went on";
    if (line.empty()) line = "ended without a word";
    // An uncaught exception says something, but not to those who run servers.
    const bool is_told = said.find(kWord) != std::string::npos;
    if (has_ended && !is_told && !options_.libraries) return "the server: " + line;
    ++ends_[line];
    return {};
  }

  /// Writes for a while, or until the server ends.
  std::string serve(ServerProcess& server) {
    for (Writer& writer : writers_) {
      if (!writer.connect(server.port())) return "a client cannot connect";
    }
    const Clock::time_point end = Clock::now() + kLife;
    for (bool alive = true; alive && Clock::now() < end;) {
      for (Writer& writer : writers_) {
        if (writer.issued() - writer.acknowledged() < kOutboxMax) {
          writer.write(1 + random_.below(8), wall_ms());
        }
        alive = writer.read(0) && alive;
      }
    }
    // Who hung up may be about to end.
    const Clock::time_point deadline = Clock::now() + kEnd;
    bool is_cut = false;
    for (Writer& writer : writers_) is_cut = !writer.read(0) || is_cut;
    while (is_cut && !server.has_ended() && Clock::now() < deadline) ::usleep(1000);
    return {};
  }

  void drain() {
    for (Writer& writer : writers_) {
      while (writer.read(20)) {
      }
      writer.disconnect();
    }
  }

  /// With enough memory: all that was promised is there, and writes are taken.
  std::string recover() {
    ServerProcess server(server_options({}));
    if (server.port() == 0) return "the next server does not start";
    const std::optional<Snapshot> snapshot = read_snapshot(server.port());
    if (!snapshot) return "the next server does not answer";
    for (const Writer& writer : writers_) {
      if (std::string loss = find_loss(writer, *snapshot); !loss.empty()) return loss;
    }
    for (Writer& writer : writers_) {
      if (!writer.connect(server.port())) return "a client cannot connect to the next server";
      while (!writer.is_settled()) {
        if (!writer.read(5000)) return "the next server acks nothing: " + writer.protocol_problem();
      }
      writer.disconnect();
    }
    return server.stop() ? std::string() : "the next server did not end in order";
  }

  const Options options_;
  const std::string directory_;
  Prng random_;
  std::deque<Writer> writers_;  // They do not move.
  uint64_t until_ready_ = 0;
  uint64_t until_end_ = 0;
  std::map<std::string, uint64_t> ends_;
};

int run(const Options& options) {
  std::string name = (std::filesystem::temp_directory_path() / "topgun-starve-XXXXXX").string();
  const std::string directory = ::mkdtemp(name.data());
  StarvationTest test(options, directory);
  const std::string problem = test.run();
  std::printf("seed %llu: ", static_cast<unsigned long long>(options.seed));
  test.print();
  const bool is_good = problem.empty();
  if (!problem.empty()) std::printf("%s\n", problem.c_str());
  if (is_good) {
    std::filesystem::remove_all(directory);
  } else {
    std::printf("its data is kept in %s\n", directory.c_str());
  }
  return is_good ? 0 : 1;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  options.seed = static_cast<uint64_t>(::time(nullptr));
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--libraries") {
      options.libraries = true;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const char* const value = argv[++i];
    if (flag == "--server") {
      options.server = value;
    } else if (flag == "--lives") {
      options.lives = std::strtoull(value, nullptr, 10);
    } else if (flag == "--seed") {
      options.seed = std::strtoull(value, nullptr, 10);
    } else if (flag == "--fail") {
      options.fail = std::strtoull(value, nullptr, 10);
    } else {
      return std::nullopt;
    }
  }
  if (options.server.empty()) return std::nullopt;
  return options;
}

}  // namespace
}  // namespace topgun::test

int main(int argc, char** argv) {
  const std::optional<topgun::test::Options> options = topgun::test::parse(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: topgun-starve --server PROGRAM [--lives N] [--seed S] [--fail N]\n"
                 "                     [--libraries]\n");
    return 2;
  }
  return topgun::test::run(*options);
}
