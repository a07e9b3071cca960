// Kills a server again and again while clients write, and looks after each restart whether anything
// that was acknowledged as `local` is gone.
//
//   topgun-crash --server PROGRAM [--kills N] [--seed S] [--expect-loss]
//                [--power-loss drop|keep|tear|mixed] [--life N]
//
// With --power-loss each kill takes with it what was not synced, and many are aimed at one step of
// a rotation, a recycling or a checkpoint; tests/server/powerloss/README.md tells how.
//
// The seed decides when each kill comes, and is printed; the server's own timing is not under its
// control, so a seed makes a failure likely to come back, not certain. --life repeats the life that
// failed. With --expect-loss (the negative controls) the run succeeds as soon as a loss is found
// and fails if none is.

#include <stdlib.h>
#include <time.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "tests/server/crash/crash_test.hpp"

namespace topgun::test {
namespace {

struct Options {
  CrashTest::Options test;
  bool expect_loss = false;
};

int run(const Options& options) {
  std::string name = (std::filesystem::temp_directory_path() / "topgun-crash-XXXXXX").string();
  const std::string directory = ::mkdtemp(name.data());
  std::string problem;
  bool is_good = false;
  {
    CrashTest test(options.test, directory + "/data");
    problem = test.run();
    std::printf("%llu kills, %llu writes acknowledged, seed %llu\n",
                static_cast<unsigned long long>(test.kills()),
                static_cast<unsigned long long>(test.acknowledged()),
                static_cast<unsigned long long>(options.test.seed));
    for (const auto& [target, aimed] : test.aimed()) {
      std::printf("  %-26s hit %llu times of %llu\n", target.c_str(),
                  static_cast<unsigned long long>(aimed.hit),
                  static_cast<unsigned long long>(aimed.tried));
    }
    is_good = options.expect_loss ? test.found_damage() : problem.empty();
  }
  if (!problem.empty()) std::printf("%s\n", problem.c_str());
  if (options.expect_loss && !is_good) std::printf("the broken server was not found out\n");
  if (is_good || options.expect_loss) {
    std::filesystem::remove_all(directory);
  } else {
    std::printf("its data is kept in %s\n", directory.c_str());
  }
  return is_good ? 0 : 1;
}

std::optional<PowerLoss> parse_power_loss(std::string_view name) {
  if (name == "drop") return PowerLoss::Drop;
  if (name == "keep") return PowerLoss::Keep;
  if (name == "tear") return PowerLoss::Tear;
  if (name == "mixed") return PowerLoss::Mixed;
  return std::nullopt;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  options.test.seed = static_cast<uint64_t>(::time(nullptr));
#ifdef TOPGUN_POWERLOSS_SHIM
  options.test.shim = TOPGUN_POWERLOSS_SHIM;
#endif
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--expect-loss") {
      options.expect_loss = true;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const char* const value = argv[++i];
    if (flag == "--server") {
      options.test.server = value;
    } else if (flag == "--kills") {
      options.test.kills = std::strtoull(value, nullptr, 10);
    } else if (flag == "--seed") {
      options.test.seed = std::strtoull(value, nullptr, 10);
    } else if (flag == "--life") {
      options.test.only_life = std::strtoull(value, nullptr, 10);
    } else if (flag == "--power-loss") {
      const std::optional<PowerLoss> choice = parse_power_loss(value);
      if (!choice || options.test.shim.empty()) return std::nullopt;
      options.test.power_loss = *choice;
    } else {
      return std::nullopt;
    }
  }
  if (options.test.server.empty()) return std::nullopt;
  return options;
}

}  // namespace
}  // namespace topgun::test

int main(int argc, char** argv) {
  const std::optional<topgun::test::Options> options = topgun::test::parse(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: topgun-crash --server PROGRAM [--kills N] [--seed S] [--expect-loss]\n"
                 "                    [--power-loss drop|keep|tear|mixed] [--life N]\n");
    return 2;
  }
  return topgun::test::run(*options);
}
