// Kills a server again and again while clients write, and looks after each restart whether anything
// that was acknowledged as `local` is gone.
//
//   topgun-crash --server PROGRAM [--kills N] [--seed S] [--expect-loss]
//
// The seed decides when each kill comes, and is printed; the server's own timing is not under its
// control, so a seed makes a failure likely to come back, not certain. With --expect-loss (the
// negative controls) the run succeeds as soon as a loss is found and fails if none is.

#include <stdlib.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <thread>

#include "core/base/prng.hpp"
#include "tests/server/crash/ledger.hpp"
#include "tests/server/crash/server_process.hpp"

namespace topgun::test {
namespace {

struct Options {
  std::string server;
  uint64_t kills = 200;
  uint64_t seed = 0;
  bool expect_loss = false;
};

uint64_t wall_ms() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

class CrashTest {
 public:
  CrashTest(const Options& options, std::string directory)
      : options_(options),
        directory_(std::move(directory)),
        random_(options.seed, stream_id("crash")) {
    for (uint64_t replica = 1; replica <= 4; ++replica) writers_.emplace_back(replica);
  }

  /// The first thing that went wrong, or empty.
  std::string run() {
    for (uint64_t kill = 1; kill <= options_.kills; ++kill) {
      std::string problem = live_and_die();
      if (!problem.empty()) return "kill " + std::to_string(kill) + ": " + problem;
      kills_ = kill;
    }
    return end_in_peace();
  }

  /// The loss that was found, as opposed to other trouble.
  bool found_loss() const { return found_loss_; }
  uint64_t kills() const { return kills_; }
  uint64_t acknowledged() const {
    uint64_t sum = 0;
    for (const Writer& writer : writers_) sum += writer.acknowledged();
    return sum;
  }

 private:
  std::string live_and_die() {
    ServerProcess server(options_.server, directory_);
    if (std::string problem = check(server); !problem.empty()) return problem;
    for (Writer& writer : writers_) {
      if (!writer.connect(server.port())) return "a client cannot connect";
    }
    const uint64_t life_us = random_.below(40'000);
    const auto death = std::chrono::steady_clock::now() + std::chrono::microseconds(life_us);
    // The kill comes from aside, so that it may fall into any moment of the traffic.
    std::thread killer([&] {
      std::this_thread::sleep_until(death);
      server.kill();
    });
    bool alive = true;
    while (alive) {
      for (Writer& writer : writers_) {
        if (writer.issued() - writer.acknowledged() < 64) {
          writer.write(1 + random_.below(8), wall_ms());
        }
        alive = writer.read(0) && alive;
      }
      alive = alive && std::chrono::steady_clock::now() < death;
    }
    killer.join();
    // Acks that the server sent before it died count, however late they are read.
    for (Writer& writer : writers_) {
      while (writer.read(100)) {
      }
      writer.disconnect();
      if (!writer.protocol_problem().empty()) return writer.protocol_problem();
    }
    return {};
  }

  std::string check(const ServerProcess& server) {
    if (server.port() == 0) return "the server does not start";
    const std::optional<Snapshot> snapshot = read_snapshot(server.port());
    if (!snapshot) return "the server does not answer";
    for (const Writer& writer : writers_) {
      std::string loss = find_loss(writer, *snapshot);
      if (loss.empty()) continue;
      found_loss_ = true;
      return loss;
    }
    return {};
  }

  /// All that was ever offered gets through in the end, and survives a clean restart.
  std::string end_in_peace() {
    {
      ServerProcess server(options_.server, directory_);
      if (std::string problem = check(server); !problem.empty()) return problem;
      for (Writer& writer : writers_) {
        if (!writer.connect(server.port())) return "a client cannot connect";
        while (!writer.is_settled()) {
          if (!writer.read(5000)) return "an ack is missing";
        }
        writer.disconnect();
      }
      if (!server.stop()) return "the server did not end in order";
    }
    ServerProcess server(options_.server, directory_);
    return check(server);
  }

  const Options& options_;
  const std::string directory_;
  Prng random_;
  std::deque<Writer> writers_;  // They do not move.
  uint64_t kills_ = 0;
  bool found_loss_ = false;
};

int run(const Options& options) {
  std::string name = (std::filesystem::temp_directory_path() / "topgun-crash-XXXXXX").string();
  const std::string directory = ::mkdtemp(name.data());
  CrashTest test(options, directory + "/data");
  const std::string problem = test.run();
  std::printf("%llu kills, %llu writes acknowledged, seed %llu\n",
              static_cast<unsigned long long>(test.kills()),
              static_cast<unsigned long long>(test.acknowledged()),
              static_cast<unsigned long long>(options.seed));
  if (!problem.empty()) std::printf("%s\n", problem.c_str());
  const bool is_good = options.expect_loss ? test.found_loss() : problem.empty();
  if (options.expect_loss && !is_good) std::printf("the broken server was not found out\n");
  if (is_good || options.expect_loss) {
    std::filesystem::remove_all(directory);
  } else {
    std::printf("its data is kept in %s\n", directory.c_str());
  }
  return is_good ? 0 : 1;
}

}  // namespace
}  // namespace topgun::test

int main(int argc, char** argv) {
  topgun::test::Options options;
  options.seed = static_cast<uint64_t>(::time(nullptr));
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const bool has_value = i + 1 < argc;
    if (flag == "--expect-loss") {
      options.expect_loss = true;
    } else if (flag == "--server" && has_value) {
      options.server = argv[++i];
    } else if (flag == "--kills" && has_value) {
      options.kills = std::strtoull(argv[++i], nullptr, 10);
    } else if (flag == "--seed" && has_value) {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      options.server.clear();
      break;
    }
  }
  if (options.server.empty()) {
    std::fprintf(stderr,
                 "usage: topgun-crash --server PROGRAM [--kills N] [--seed S] [--expect-loss]\n");
    return 2;
  }
  return topgun::test::run(options);
}
