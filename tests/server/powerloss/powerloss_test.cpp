// The power-loss shim itself: what a program has not synced is gone after SIGKILL, what it has is
// there, and each fault is what it says. The victim's steps are described in victim.cpp.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "tests/server/powerloss/power_supply.hpp"
#include "tests/server/storage/storage_fixture.hpp"

namespace topgun::powerloss {
namespace {

using Files = std::map<std::string, std::string>;
using Steps = std::vector<std::string>;

/// A directory, a victim that works in it, and a plug to pull.
class Machine {
 public:
  Machine() : supply_(home_.sub("data"), TOPGUN_POWERLOSS_SHIM) {}

  Control& prepare() { return supply_.prepare(); }
  Control& control() { return supply_.control(); }

  /// Runs the steps; what they printed, each line ended by a semicolon.
  std::string run(const Steps& steps, bool with_shim = true) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      // give_up says why on stderr, which a green test need not show.
      ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
      if (::chdir(home_.sub("data").c_str()) != 0) ::_exit(126);
      if (with_shim) {
        for (const auto& [name, value] : supply_.environment()) {
          ::setenv(name.c_str(), value.c_str(), 1);
        }
      }
      std::vector<char*> arguments{const_cast<char*>(TOPGUN_POWERLOSS_VICTIM)};
      for (const std::string& step : steps) arguments.push_back(const_cast<char*>(step.c_str()));
      arguments.push_back(nullptr);
      ::execv(TOPGUN_POWERLOSS_VICTIM, arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    std::string output;
    char c = 0;
    while (::read(ends[0], &c, 1) == 1) output += c == '\n' ? ';' : c;
    ::close(ends[0]);
    ::waitpid(child, &status_, 0);
    return output;
  }

  int signal() const { return WIFSIGNALED(status_) ? WTERMSIG(status_) : 0; }

  /// Runs steps that end in death, and looks at what the next boot finds.
  Files survivors(const Steps& steps) {
    run(steps);
    CHECK(signal() == SIGKILL);
    CHECK(supply_.was_active());
    supply_.cut();
    return files();
  }

  Files files() const {
    Files found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home_.sub("data"))) {
      const std::string name = entry.path().lexically_relative(home_.sub("data")).string();
      if (entry.is_directory()) {
        found[name + "/"];
        continue;
      }
      std::ostringstream content;
      std::ifstream file(entry.path(), std::ios::binary);
      if (entry.file_size() > 0) content << file.rdbuf();
      found[name] = content.str();
    }
    return found;
  }

 private:
  host::TemporaryDirectory home_;
  PowerSupply supply_;
  int status_ = 0;
};

/// A machine on which `steps` were done and everything synced, once.
std::unique_ptr<Machine> machine_with(Steps steps) {
  auto machine = std::make_unique<Machine>();
  steps.push_back("sync-directory:.");
  steps.push_back("die");
  machine->survivors(steps);
  machine->prepare();
  return machine;
}

TEST_CASE("power loss: what survives is what was synced") {
  struct Case {
    const char* name;
    Steps before, steps;
    Files survivors;
  };
  const Case cases[] = {
      {"nothing was synced", {}, {"write:a:0:hello"}, {}},
      {"the file, but not its name", {}, {"write:a:0:hello", "sync:a"}, {}},
      {"the name, but not the data", {}, {"write:a:0:hello", "sync-directory:."}, {{"a", ""}}},
      {"both", {}, {"write:a:0:hello", "sync:a", "sync-directory:."}, {{"a", "hello"}}},
      {"a write after the sync",
       {},
       {"write:a:0:hello", "sync:a", "sync-directory:.", "write:a:1:ELLO!"},
       {{"a", "hello"}}},
      {"what was there at the start",
       {"write:a:0:old", "sync:a"},
       {"write:a:0:new"},
       {{"a", "old"}}},
      {"an append in two parts",
       {},
       {"append:a:one:two", "sync:a", "sync-directory:."},
       {{"a", "onetwo"}}},
      {"O_DSYNC needs no sync",
       {},
       {"write-synced:a:0:hello", "sync-directory:."},
       {{"a", "hello"}}},
      {"a shorter file", {"write:a:0:hello", "sync:a"}, {"truncate:a:1"}, {{"a", "hello"}}},
      {"a shorter file that was synced",
       {"write:a:0:hello", "sync:a"},
       {"truncate:a:1", "sync:a"},
       {{"a", "h"}}},
      {"bytes that were cut off do not come back",
       {"write:a:0:hello", "sync:a"},
       {"truncate:a:1", "write:a:3:p", "sync:a"},
       {{"a", std::string("h\0\0p", 4)}}},
      {"preallocated space",
       {},
       {"allocate:a:3", "sync:a", "sync-directory:."},
       {{"a", std::string(3, '\0')}}},
      {"a rename", {"write:a:0:x", "sync:a"}, {"rename:a:b"}, {{"a", "x"}}},
      {"a rename that was synced",
       {"write:a:0:x", "sync:a"},
       {"rename:a:b", "sync-directory:."},
       {{"b", "x"}}},
      {"a rename onto another file",
       {"write:a:0:x", "sync:a", "write:b:0:y", "sync:b"},
       {"rename:a:b", "sync-directory:."},
       {{"b", "x"}}},
      {"data is synced by whatever name",
       {"write:a:0:x", "sync:a"},
       {"rename:a:b", "write:b:0:y", "sync:b"},
       {{"a", "y"}}},
      {"an unlink", {"write:a:0:x", "sync:a"}, {"unlink:a"}, {{"a", "x"}}},
      {"an unlink that was synced",
       {"write:a:0:x", "sync:a"},
       {"unlink:a", "sync-directory:."},
       {}},
      {"a new file in the place of a removed one",
       {"write:a:0:x", "sync:a"},
       {"unlink:a", "write:c:0:z", "rename:c:a", "sync-directory:."},
       {{"a", ""}}},
      {"a directory whose parent was not synced",
       {},
       {"mkdir:d", "write:d/a:0:x", "sync:d/a", "sync-directory:d"},
       {}},
      {"a directory that was synced from the leaf up",
       {},
       {"mkdir:d", "write:d/a:0:x", "sync:d/a", "sync-directory:d", "sync-directory:."},
       {{"d/", ""}, {"d/a", "x"}}},
      {"a directory that was synced from the root down",
       {},
       {"mkdir:d", "sync-directory:.", "write:d/a:0:x", "sync:d/a", "sync-directory:d"},
       {{"d/", ""}, {"d/a", "x"}}},
      {"a move between directories, one of them synced",
       {"write:a:0:x", "sync:a", "mkdir:d"},
       {"rename:a:d/a", "sync-directory:d"},
       {{"d/", ""}, {"d/a", "x"}}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto machine = machine_with(c.before);
    Steps steps = c.steps;
    steps.push_back("die");
    CHECK(machine->survivors(steps) == c.survivors);
  }
}

TEST_CASE("power loss: the working program sees all it has written") {
  Machine machine;
  CHECK(machine.run({"write:a:0:hello", "write:a:5: you", "print:a", "rename:a:b", "print:b"}) ==
        "write 5;write 4;hello you;print 0;rename 0;hello you;print 0;");
}

TEST_CASE("power loss: with mode keep everything survives, as after SIGKILL alone") {
  Machine machine;
  machine.control().mode = Mode::Keep;
  const Files survivors =
      machine.survivors({"write:a:0:hello", "truncate:a:4", "rename:a:b", "mkdir:d", "die"});
  CHECK(survivors == Files{{"b", "hell"}, {"d/", ""}});
}

TEST_CASE("power loss: a torn file consists of whole sectors, old and new") {
  constexpr size_t kSectors = 64;
  size_t torn = 0;
  size_t named = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const auto machine = machine_with({"fill:a:32768:o", "sync:a"});
    machine->control().mode = Mode::Tear;
    machine->control().seed = seed;
    const Files survivors = machine->survivors({"fill:a:32768:n", "write:synced:0:s", "sync:synced",
                                                "sync-directory:.", "write:b:0:x", "die"});
    const std::string& content = survivors.at("a");
    CHECK(survivors.at("synced") == "s");
    REQUIRE(content.size() == kSectors * 512);
    size_t fresh = 0;
    for (size_t sector = 0; sector < kSectors; ++sector) {
      const std::string bytes = content.substr(sector * 512, 512);
      const bool is_whole =
          bytes == std::string(512, bytes[0]) && (bytes[0] == 'o' || bytes[0] == 'n');
      CHECK(is_whole);
      fresh += bytes[0] == 'n' ? 1 : 0;
    }
    torn += fresh > 0 && fresh < kSectors ? 1 : 0;
    named += survivors.count("b");
  }
  CHECK(torn == 12);
  CHECK(named > 0);
  CHECK(named < 12);
}

TEST_CASE("power loss: after a failed sync data is gone but reads as if it were there") {
  const auto machine = machine_with({"write:a:0:old", "sync:a"});
  machine->control().fail_sync.arm("a", 0);
  CHECK(machine->run({"write:a:0:new", "sync:a", "sync:a", "print:a"}) ==
        "write 3;sync EIO;sync 0;new;print 0;");
}

TEST_CASE("power loss: what was lost by a failed sync is lost for good") {
  const auto machine = machine_with({"write:a:0:old", "sync:a"});
  machine->control().fail_sync.arm("a", 0);
  CHECK(machine->survivors({"write:a:0:new", "sync:a", "sync:a", "write:a:2:t", "sync:a", "die"}) ==
        Files{{"a", "olt"}});
}

TEST_CASE("power loss: a full device takes no new bytes, but old places can be written") {
  const auto machine = machine_with({"write:a:0:12345", "sync:a"});
  machine->control().space = Space::NoGrowth;
  CHECK(
      machine->run({"write:a:0:x", "write:a:4:xyz", "write:a:5:z", "allocate:a:9", "allocate:a:5",
                    "write:b:0:x", "mkdir:d", "sync:a"}) ==
      "write 1;write 1;write ENOSPC;allocate ENOSPC;allocate 0;write ENOSPC;mkdir ENOSPC;sync 0;");
  CHECK(machine->control().full_writes_refused == 5);
  machine->prepare().space = Space::None;
  CHECK(machine->run({"write:a:0:x"}) == "write ENOSPC;");
}

TEST_CASE("power loss: short writes and failing reads come when they are asked for") {
  const auto machine = machine_with({"write:a:0:12345678", "sync:a"});
  machine->control().short_write.arm("a", 1);
  machine->control().fail_read.arm("[a-c]", 0, 2);
  CHECK(machine->run(
            {"write:a:0:abcd", "write:a:0:ABCD", "write:a:0:x", "print:a", "print:a", "print:a"}) ==
        "write 4;write 2;write 1;print EIO;print EIO;xBcd5678;print 0;");
}

TEST_CASE("power loss: the power goes where it is aimed") {
  struct Case {
    const char* name;
    Call call;
    When when;
    const char* files;
    uint64_t skip;
    Files survivors;
  };
  const Case cases[] = {
      {"before a sync", Call::Sync, When::Before, "a", 1, {{"a", "1"}}},
      {"after a sync", Call::Sync, When::After, "a", 1, {{"a", "2"}}},
      {"before a sync of the other file", Call::Sync, When::Before, "b", 0, {{"a", "2"}}},
      {"after a rename", Call::Rename, When::After, "", 0, {{"a", "2"}}},
      {"after a sync of the directory",
       Call::SyncDirectory,
       When::After,
       "",
       1,
       {{"a", "2"}, {"c", "x"}}},
      {"before an unlink", Call::Unlink, When::Before, "c", 0, {{"a", "2"}, {"c", "x"}}},
      {"before a creation", Call::Create, When::Before, "b", 0, {{"a", "2"}}},
      {"after the last write", Call::Write, When::After, "d", 0, {{"a", "2"}}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Machine machine;
    machine.control().aim_call = c.call;
    machine.control().aim_when = c.when;
    machine.control().aim.arm(c.files, c.skip);
    const Files survivors =
        machine.survivors({"write:a:0:1", "sync:a", "sync-directory:.", "write:a:0:2", "sync:a",
                           "write:b:0:x", "sync:b", "rename:b:c", "sync-directory:.", "unlink:c",
                           "sync-directory:.", "write:d:0:x"});
    CHECK(machine.control().killed);
    CHECK(survivors == c.survivors);
  }
}

TEST_CASE("power loss: in the middle of a sync a part of the sectors is durable") {
  size_t torn = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    const auto machine = machine_with({"fill:a:8192:o", "sync:a"});
    machine->control().seed = seed;
    machine->control().aim_call = Call::Sync;
    machine->control().aim_when = When::During;
    machine->control().aim.arm("a", 0);
    const std::string content = machine->survivors({"fill:a:8192:n", "sync:a"}).at("a");
    torn += content.find('o') != std::string::npos && content.find('n') != std::string::npos;
  }
  CHECK(torn == 4);
}

TEST_CASE("power loss: threads and copied descriptors keep their promises") {
  Machine machine;
  machine.control().verify = true;
  const Files survivors = machine.survivors({"race:8", "die"});
  CHECK(survivors.size() == 8);
  for (const auto& survivor : survivors) {
    const std::string& content = survivor.second;
    CAPTURE(survivor.first);
    CHECK(content.size() == 150);
    CHECK(content.substr(147) == "149");
  }
}

TEST_CASE("power loss: what the shim cannot model ends the program") {
  for (const char* const step : {"map:a", "stream:a"}) {
    CAPTURE(step);
    Machine machine;
    machine.run({"write:a:0:x", step, "die"});
    CHECK(machine.signal() == SIGABRT);
    CHECK(machine.control().gave_up);
  }
}

TEST_CASE("power loss: a run without the shim leaves no mark") {
  Machine machine;
  machine.run({"write:a:0:x", "die"}, false);
  CHECK(machine.control().process == 0);
}

}  // namespace
}  // namespace topgun::powerloss
